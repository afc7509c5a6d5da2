/*
 * Two functions that take turns for about a second, without a library: so that a compiler which
 * has none of another class makes it as well.
 */
#define TICKS      2500000000ull /* of the time stamp counter */
#define ROUNDS     100000u
#define KEEP_FRAME __asm__ volatile("" : : "r"(__builtin_frame_address(0))) /* also in a leaf */
#define NOINLINE   __attribute__((noinline, noclone))
#define EXIT_64    60
#define EXIT_32    1

static NOINLINE unsigned left(unsigned n)
{
	unsigned x = n;

	KEEP_FRAME;
	for (unsigned i = 0; i < n; i++) {
		x = x * 1664525u + 1013904223u;
		__asm__ volatile("" : "+r"(x));
	}
	return x;
}

static NOINLINE unsigned right(unsigned n)
{
	unsigned x = n;

	KEEP_FRAME;
	for (unsigned i = 0; i < n; i++) {
		x = (x ^ i) * 22695477u;
		__asm__ volatile("" : "+r"(x));
	}
	return x;
}

static NOINLINE void turns(void)
{
	unsigned long long begun = __builtin_ia32_rdtsc();

	while (__builtin_ia32_rdtsc() - begun < TICKS) {
		(void)left(ROUNDS);
		(void)right(ROUNDS);
	}
}

void begin(void);

void begin(void)
{
	turns();
#ifdef __x86_64__
	__asm__ volatile("syscall" : : "a"(EXIT_64), "D"(0) : "rcx", "r11", "memory");
#else
	__asm__ volatile("int $0x80" : : "a"(EXIT_32), "b"(0) : "memory");
#endif
	__builtin_unreachable();
}
