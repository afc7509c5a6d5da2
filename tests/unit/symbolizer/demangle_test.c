#include "demangle/demangle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OUT_BYTES_MAX 65535u

/* What a name is in the three modes; NULL: the same as in the mode before. */
struct golden {
	const char *name;
	const char *simplified;
	const char *templates;
	const char *full;
};

static struct demangler *demanglers[DEMANGLE_FULL + 1];
static char out[OUT_BYTES_MAX + 1];

static int set_up(void **state)
{
	int r = 0;

	(void)state;
	for (int mode = DEMANGLE_NONE; r == 0 && mode <= DEMANGLE_FULL; mode++)
		r = demangler_new((enum demangle_mode)mode, &demanglers[mode]);
	return r;
}

static int tear_down(void **state)
{
	(void)state;
	for (int mode = DEMANGLE_NONE; mode <= DEMANGLE_FULL; mode++)
		demangler_free(demanglers[mode]);
	return 0;
}

/* What @name is shown as; itself where it is no mangled name. */
static const char *shown(enum demangle_mode mode, const char *name)
{
	const struct wire_bytes bytes = {name, strlen(name)};
	size_t n = demangle(demanglers[mode], bytes, out, OUT_BYTES_MAX);

	out[n] = '\0';
	return n > 0 ? out : name;
}

static void expect(const struct golden *rows, size_t n_rows)
{
	for (size_t i = 0; i < n_rows; i++) {
		const char *templates = rows[i].templates ? rows[i].templates : rows[i].simplified;

		assert_string_equal(shown(DEMANGLE_NONE, rows[i].name), rows[i].name);
		assert_string_equal(shown(DEMANGLE_SIMPLIFIED, rows[i].name), rows[i].simplified);
		assert_string_equal(shown(DEMANGLE_TEMPLATES, rows[i].name), templates);
		assert_string_equal(shown(DEMANGLE_FULL, rows[i].name),
				    rows[i].full ? rows[i].full : templates);
	}
}

#define EXPECT(rows) expect(rows, sizeof(rows) / sizeof((rows)[0]))

static void functions_and_types(void **state)
{
	static const struct golden rows[] = {
		{"_ZN3foo3decIiEEDTplfp_Li1EET_", "foo::dec", "foo::dec<int>",
		 "decltype ({parm#1}+(1)) foo::dec<int>(int)"},
		{"_ZN12_GLOBAL__N_14Anon6hiddenEi", "(anonymous namespace)::Anon::hidden", NULL,
		 "(anonymous namespace)::Anon::hidden(int)"},
		{"_ZNVKR3foo2v13Bar2cvEv", "foo::v1::Bar::cv", NULL,
		 "foo::v1::Bar::cv() const volatile &"},
		{"_ZN3foo6taggedB5mytagEv", "foo::tagged[abi:mytag]", NULL,
		 "foo::tagged[abi:mytag]()"},
		{"_ZN3foo2nbILb1EEEiv", "foo::nb", "foo::nb<true>", "int foo::nb<true>()"},
		{"_ZN3foo4TmplIiLi3EE2sfERA3_i", "foo::Tmpl::sf", "foo::Tmpl<int, 3>::sf",
		 "foo::Tmpl<int, 3>::sf(int (&) [3])"},
		{"_ZNSt6vectorIiSaIiEE9push_backERKi", "std::vector::push_back",
		 "std::vector<int, std::allocator<int> >::push_back",
		 "std::vector<int, std::allocator<int> >::push_back(int const&)"},
		{"_ZNSsC1EPKcRKSaIcE", "std::basic_string::basic_string",
		 "std::basic_string<char, std::char_traits<char>, std::allocator<char> >::"
		 "basic_string",
		 "std::basic_string<char, std::char_traits<char>, std::allocator<char> >::"
		 "basic_string(char const*, std::allocator<char> const&)"},
		{"_Z1fPFivEM1AKFvcEMS1_iPA2_A3_c", "f", NULL,
		 "f(int (*)(), void (A::*)(char) const, int A::*, char (*) [2][3])"},
		{"_Z1fIJicdEEvDpT_", "f", "f<int, char, double>",
		 "void f<int, char, double>(int, char, double)"},
		{"_Z1fIJEEvDpT_", "f", "f<>", "void f<>()"},
		{"_Z1fIJEJiEEvDpOT_DpT0_", "f", "f<int>", "void f<int>(int)"},
		{"_Z1fIRiEvOT_RKS1_", "f", "f<int&>", "void f<int&>(int&, int& const&)"},
		{"_Z1fIKiEvRVKT_", "f", "f<int const>", "void f<int const>(int const volatile&)"},
		{"_Z1fDF16_DF16bDhDiDnDv4_fg", "f", NULL,
		 "f(_Float16, std::bfloat16_t, half, char32_t, decltype(nullptr), float "
		 "__vector(4), __float128)"},
		{"_Z1fILin1ELj2ELl3ELm4ELx5ELy6ELc65ELd3ff0EEvv", "f",
		 "f<-1, 2u, 3l, 4ul, 5ll, 6ull, (char)65, (double)[3ff0]>",
		 "void f<-1, 2u, 3l, 4ul, 5ll, 6ull, (char)65, (double)[3ff0]>()"},
	};

	(void)state;
	EXPECT(rows);
}

static void operators_and_special_members(void **state)
{
	static const struct golden rows[] = {
		{"_ZN3foo2v13BarC2Ev", "foo::v1::Bar::Bar", NULL, "foo::v1::Bar::Bar()"},
		{"_ZN3foo2v13BarC1Ev", "foo::v1::Bar::Bar", NULL, "foo::v1::Bar::Bar()"},
		{"_ZN3foo2v13BarD0Ev", "foo::v1::Bar::~Bar", NULL, "foo::v1::Bar::~Bar()"},
		{"_ZN3foo2v13BarD1Ev", "foo::v1::Bar::~Bar", NULL, "foo::v1::Bar::~Bar()"},
		{"_ZN3foo2v13BarD2Ev", "foo::v1::Bar::~Bar", NULL, "foo::v1::Bar::~Bar()"},
		{"_ZNK3foo2v13BarclEi", "foo::v1::Bar::operator()", NULL,
		 "foo::v1::Bar::operator()(int) const"},
		{"_ZNK3foo2v13BarltERKS1_", "foo::v1::Bar::operator<", NULL,
		 "foo::v1::Bar::operator<(foo::v1::Bar const&) const"},
		{"_ZNK3foo2v13BarltIiEEbRKSt6vectorIT_SaIS4_EE", "foo::v1::Bar::operator<",
		 "foo::v1::Bar::operator< <int>",
		 "bool foo::v1::Bar::operator< <int>(std::vector<int, std::allocator<int> > "
		 "const&) const"},
		{"_ZN3foo2v13BarlsEi", "foo::v1::Bar::operator<<", NULL,
		 "foo::v1::Bar::operator<<(int)"},
		{"_ZN3foo2v13BarptEv", "foo::v1::Bar::operator->", NULL,
		 "foo::v1::Bar::operator->()"},
		{"_ZN3foo2v13BarssERKS1_", "foo::v1::Bar::operator<=>", NULL,
		 "foo::v1::Bar::operator<=>(foo::v1::Bar const&)"},
		{"_ZN3foo2v13BardlEPv", "foo::v1::Bar::operator delete", NULL,
		 "foo::v1::Bar::operator delete(void*)"},
		{"_ZNK3foo2v13BarcvSt6vectorIiSaIiEEEv", "foo::v1::Bar::operator std::vector",
		 "foo::v1::Bar::operator std::vector<int, std::allocator<int> >",
		 "foo::v1::Bar::operator std::vector<int, std::allocator<int> >() const"},
		{"_ZN3foo2v13BarcvPT_IiEEv", "foo::v1::Bar::operator int*",
		 "foo::v1::Bar::operator int*<int>", "foo::v1::Bar::operator int*<int>()"},
		{"_Zli3_kge", "operator\"\" _kg", NULL, "operator\"\" _kg(long double)"},
		{"_ZThn8_N2C1D0Ev", "non-virtual thunk to C1::~C1()", NULL, NULL},
		{"_ZTv0_n24_N2C13fooEiPKc", "virtual thunk to C1::foo(int, char const*)", NULL,
		 NULL},
		{"_ZTch0_v0_n16_N1C1fEv", "covariant return thunk to C::f()", NULL, NULL},
		{"_ZGVZ4mainE5guard", "guard variable for main::guard", NULL, NULL},
		{"_ZTV3FooIiE", "vtable for Foo", "vtable for Foo<int>", NULL},
		{"_ZTC1A0_1B", "construction vtable for B-in-A", NULL, NULL},
	};

	(void)state;
	EXPECT(rows);
}

static void local_names_and_lambdas(void **state)
{
	static const struct golden rows[] = {
		{"_ZN3foo4callIZNS_4uselEiEUliE_EEvT_", "foo::call",
		 "foo::call<foo::usel()::{lambda(int)#1}>",
		 "void foo::call<foo::usel(int)::{lambda(int)#1}>(foo::usel(int)::{lambda(int)#"
		 "1})"},
		{"_ZZN3foo4uselEiENKUliE_clEi", "foo::usel()::{lambda(int)#1}::operator()", NULL,
		 "foo::usel(int)::{lambda(int)#1}::operator()(int) const"},
		{"_ZZN3foo4uselEiENKUlT_E0_clIiEEDaS0_",
		 "foo::usel()::{lambda(auto:1)#2}::operator()",
		 "foo::usel()::{lambda(auto:1)#2}::operator()<int>",
		 "auto foo::usel(int)::{lambda(auto:1)#2}::operator()<int>(int) const"},
		{"_ZZZN3foo4uselEiENKUliE1_clEiEN5Local1mEi",
		 "foo::usel()::{lambda(int)#3}::operator()() const::Local::m", NULL,
		 "foo::usel(int)::{lambda(int)#3}::operator()(int) const::Local::m(int)"},
		{"_ZZ1fvEd_N1A1gEv", "f()::{default arg#1}::A::g", NULL,
		 "f()::{default arg#1}::A::g()"},
		{"_ZN1AUt0_1fEv", "A::{unnamed type#2}::f", NULL, "A::{unnamed type#2}::f()"},
		{"_ZZ1fvENKUlTyT_E_clIiEEDaS_", "f()::{lambda<typename $T>($T)#1}::operator()",
		 "f()::{lambda<typename $T>($T)#1}::operator()<int>",
		 "auto f()::{lambda<typename $T>($T)#1}::operator()<int>(int) const"},
	};

	(void)state;
	EXPECT(rows);
}

static void clone_suffixes_and_versions_are_left_out_in_every_mode(void **state)
{
	static const struct golden rows[] = {
		{"_ZL4partii.isra.0", "part", NULL, "part(int, int)"},
		{"_ZN3foo4uselEi.part.0.constprop.1", "foo::usel", NULL, "foo::usel(int)"},
		{"_ZN3foo4uselEi.cold", "foo::usel", NULL, "foo::usel(int)"},
		{"_ZN3foo4uselEi.llvm.123", "foo::usel", NULL, "foo::usel(int)"},
		{"_ZN3foo4uselEi@@LIB_1.2", "foo::usel", NULL, "foo::usel(int)"},
	};

	(void)state;
	EXPECT(rows);
}

static void what_runs_around_main_and_blocks(void **state)
{
	static const struct golden rows[] = {
		{"_GLOBAL__sub_I__ZN3foo2v13BarC2Ev", "_GLOBAL__sub_I__ZN3foo2v13BarC2Ev", NULL,
		 NULL},
		{"_GLOBAL__I__ZN3foo4uselEi", "global constructors keyed to foo::usel(int)", NULL,
		 NULL},
		{"_GLOBAL__D_main", "global destructors keyed to main", NULL, NULL},
		{"___Z1fi_block_invoke_2", "invocation function for block in f", NULL,
		 "invocation function for block in f(int)"},
	};

	(void)state;
	EXPECT(rows);
}

static void rust_of_both_kinds(void **state)
{
	static const struct golden rows[] = {
		{"_ZN1t1m10S$LT$T$GT$2go17hcb0b68951ddf642eE", "t::m::S<T>::go", NULL, NULL},
		{"_ZN4core3ptr85drop_in_place$LT$std..rt..lang_start$LT$$LP$$RP$$GT$..$u7b$$u7b$"
		 "closure$u7d$$u7d$$GT$17h0123456789abcdefE.llvm.77",
		 "core::ptr::drop_in_place<std::rt::lang_start<()>::{{closure}}>", NULL, NULL},
		{"_ZN1a6__CALL28_$u7b$$u7b$closure$u7d$$u7d$17h0123456789abcdefE",
		 "a::__CALL::{{closure}}", NULL, NULL},
		{"_ZN1a6$u3b1$17h0123456789abcdefE", "a::\xce\xb1", NULL, NULL},
		{"_ZN3foo3bar17h0000000000000000E", "foo::bar::h0000000000000000", NULL, NULL},
		{"_RNvXs_NtCs1234_1t1mINtNtCsabc_5alloc3vec3VechENtB4_2Tr2tr",
		 "<alloc::vec::Vec<> as t::m::Tr>::tr", "<alloc::vec::Vec<u8> as t::m::Tr>::tr",
		 NULL},
		{"_RINvNtCs1_1t1m3genKj3_hEB4_", "t::m::gen::<>", "t::m::gen::<3, u8>", NULL},
		{"_RNCNCNvCs1_1a1f0s_0", "a::f::{closure#0}::{closure#1}", NULL, NULL},
		{"_RNSNvCs1_1a1f6vtable", "a::f::{shim:vtable#0}", NULL, NULL},
		{"_RNvNvCs1_1a1fu7caf_dma", "a::f::caf\xc3\xa9", NULL, NULL},
		{"_RINvCs1_1a1fRDNtB2_1TEL_PFUKCuEuTlESmE", "a::f::<>",
		 "a::f::<&dyn a::T, *const unsafe extern \"C\" fn(()), (i32,), [u32]>", NULL},
		{"_RINvCs1_1a1fKcb1_Kln5_Kb1_KRe616263_KpKTh1_h2_EE", "a::f::<>",
		 "a::f::<'\\u{b1}', -5, true, \"abc\", _, {(1, 2)}>", NULL},
		{"_RNvCs1_1a1f.llvm.123", "a::f", NULL, NULL},
	};

	(void)state;
	EXPECT(rows);
}

static void what_is_no_mangled_name_stays(void **state)
{
	static const struct golden rows[] = {
		{"_D3std5stdio4File6__ctorMFNcNfAyaxAaZSQBcQBaQz",
		 "_D3std5stdio4File6__ctorMFNcNfAyaxAaZSQBcQBaQz", NULL, NULL},
		{"$s4main3FooC3baryyF", "$s4main3FooC3baryyF", NULL, NULL},
		{"main.(*T).Method", "main.(*T).Method", NULL, NULL},
		{"caml_main", "caml_main", NULL, NULL},
		{"_Z", "_Z", NULL, NULL},
		{"_Zfoo", "_Zfoo", NULL, NULL},
		{"_R", "_R", NULL, NULL},
		{"_RNvC", "_RNvC", NULL, NULL},
		{"_R1NvC1a1b", "_R1NvC1a1b", NULL, NULL},
		{"_ZN", "_ZN", NULL, NULL},
		{"_ZNE", "_ZNE", NULL, NULL},
		{"_ZN3fooS9_E", "_ZN3fooS9_E", NULL, NULL},
		{"_Z99999999999999999999a", "_Z99999999999999999999a", NULL, NULL},
		{"", "", NULL, NULL},
		{"_", "_", NULL, NULL},
	};

	(void)state;
	EXPECT(rows);
}

/* Appends @piece @times to what is built at @at. */
static char *repeat(char *at, const char *piece, size_t times)
{
	while (times-- > 0)
		at = stpcpy(at, piece);
	return at;
}

struct hostile {
	const char *what;
	const char *head, *piece, *tail;
	size_t times;
};

static void hostile_names_stay_as_they_are(void **state)
{
	static const struct hostile rows[] = {
		{"deep pointers", "_Z1f", "P", "i", 30000},
		{"deep templates", "_Z1f", "1aI", "i", 10000},
		{"deep expressions", "_Z1fIXng", "ng", "Li1EEEvv", 10000},
		{"deep local names", "_Z", "Z", "1fv", 30000},
		{"a conversion that is parsed twice a level", "_ZN1Acv", "T_I", "iEEEEEEEEEEEv",
		 9000},
		{"deep Rust types", "_RINvC1a1f", "S", "hE", 30000},
		{"deep Rust paths", "_R", "Nv", "C1a1b", 15000},
	};
	static char name[1 << 20];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)stpcpy(repeat(stpcpy(name, rows[i].head), rows[i].piece, rows[i].times),
			     rows[i].tail);
		(void)shown(DEMANGLE_SIMPLIFIED, name); /* may see less of it */
		assert_ptr_equal(shown(DEMANGLE_FULL, name), name);
	}
}

/* a<int, int>, a<that, that>, …: 2^levels times int when it is written out. */
static void make_doubling(char *name, unsigned n_levels)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char *at = stpcpy(name, "_Z1f1aIiiE");

	for (unsigned i = 0; i < n_levels; i++)
		at += sprintf(at, "S_IS%c_S%c_E", digits[i], digits[i]);
}

/* The same of tuples, by back references: digits count in base 62, from one. */
static void make_doubling_rust(char *name, unsigned n_levels)
{
	static const char digits[] =
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char *at = stpcpy(name, "_RINvC1a1fThhE");
	size_t last = 8;

	for (unsigned i = 0; i < n_levels; i++) {
		size_t here = (size_t)(at - name) - 2;
		char high = digits[(last - 1) / 62], low = digits[(last - 1) % 62];

		at += sprintf(at, "TB%c%c_B%c%c_E", high, low, high, low);
		last = here;
	}
	(void)stpcpy(at, "E");
}

static void names_that_double_at_every_level_stay_as_they_are(void **state)
{
	char name[4096];

	(void)state;
	make_doubling(name, 2);
	assert_string_equal(shown(DEMANGLE_FULL, name),
			    "f(a<int, int>, a<a<int, int>, a<int, int> >, a<a<a<int, int>, a<int, "
			    "int> >, a<a<int, int>, a<int, int> > >)");
	make_doubling(name, 36);
	assert_ptr_equal(shown(DEMANGLE_FULL, name), name);
	assert_string_equal(shown(DEMANGLE_SIMPLIFIED, name), "f");
	make_doubling_rust(name, 1);
	assert_string_equal(shown(DEMANGLE_FULL, name), "a::f::<(u8, u8), ((u8, u8), (u8, u8))>");
	make_doubling_rust(name, 36);
	assert_ptr_equal(shown(DEMANGLE_FULL, name), name);
	assert_string_equal(shown(DEMANGLE_SIMPLIFIED, name), "a::f::<>");
}

static void a_name_that_does_not_fit_is_not_cut(void **state)
{
	static const char name[] = "_ZN3foo4uselEi";
	const struct wire_bytes bytes = {name, sizeof(name) - 1};

	(void)state;
	assert_int_equal(demangle(demanglers[DEMANGLE_FULL], bytes, out, 14), 14);
	assert_int_equal(demangle(demanglers[DEMANGLE_FULL], bytes, out, 13), 0);
}

static void a_name_after_a_hostile_one_is_not_touched_by_it(void **state)
{
	(void)state;
	assert_string_equal(shown(DEMANGLE_FULL, "_Z1fIXspT_EEvv"), "_Z1fIXspT_EEvv");
	assert_string_equal(shown(DEMANGLE_FULL, "_ZN3foo4uselEi"), "foo::usel(int)");
}

static void work_for_many_names_is_bounded_together(void **state)
{
	static const char name[] = "_ZN3foo4uselEi";
	const struct wire_bytes bytes = {name, sizeof(name) - 1};
	struct demangler *demangler;
	unsigned n_names = 0;

	(void)state;
	assert_int_equal(demangler_new(DEMANGLE_FULL, &demangler), 0);
	demangler_set_steps(demangler, 1000);
	while (demangle(demangler, bytes, out, OUT_BYTES_MAX) > 0)
		n_names++;
	assert_in_range(n_names, 50, 1000);
	demangler_set_steps(demangler, 1000);
	assert_int_equal(demangle(demangler, bytes, out, OUT_BYTES_MAX), 14);
	demangler_free(demangler);
}

static void each_mode_has_its_word(void **state)
{
	enum demangle_mode mode;

	(void)state;
	assert_int_equal(demangle_mode_parse("none", &mode), 0);
	assert_int_equal(mode, DEMANGLE_NONE);
	assert_int_equal(demangle_mode_parse("simplified", &mode), 0);
	assert_int_equal(mode, DEMANGLE_SIMPLIFIED);
	assert_int_equal(demangle_mode_parse("templates", &mode), 0);
	assert_int_equal(mode, DEMANGLE_TEMPLATES);
	assert_int_equal(demangle_mode_parse("full", &mode), 0);
	assert_int_equal(mode, DEMANGLE_FULL);
	assert_true(demangle_mode_parse("ful", &mode) < 0);
	assert_true(demangle_mode_parse("", &mode) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_and_types),
		cmocka_unit_test(operators_and_special_members),
		cmocka_unit_test(local_names_and_lambdas),
		cmocka_unit_test(clone_suffixes_and_versions_are_left_out_in_every_mode),
		cmocka_unit_test(what_runs_around_main_and_blocks),
		cmocka_unit_test(rust_of_both_kinds),
		cmocka_unit_test(what_is_no_mangled_name_stays),
		cmocka_unit_test(hostile_names_stay_as_they_are),
		cmocka_unit_test(names_that_double_at_every_level_stay_as_they_are),
		cmocka_unit_test(a_name_that_does_not_fit_is_not_cut),
		cmocka_unit_test(a_name_after_a_hostile_one_is_not_touched_by_it),
		cmocka_unit_test(work_for_many_names_is_bounded_together),
		cmocka_unit_test(each_mode_has_its_word),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
