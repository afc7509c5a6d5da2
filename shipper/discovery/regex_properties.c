#include "regex_syntax.h"

#include <stdio.h>
#include <string.h>

/*
 * Unicode 15.0, as in Go's package unicode: the names of scripts and categories, and for some the
 * characters outside of them that a letter of theirs folds to. PCRE2 knows the classes themselves,
 * so a range may have in it what the class has anyway.
 */

/* clang-format off */
static const char *const scripts[] = {
	"Adlam", "Ahom", "Anatolian_Hieroglyphs", "Arabic", "Armenian", "Avestan", "Balinese",
	"Bamum", "Bassa_Vah", "Batak", "Bengali", "Bhaiksuki", "Bopomofo", "Brahmi", "Braille",
	"Buginese", "Buhid", "Canadian_Aboriginal", "Carian", "Caucasian_Albanian", "Chakma",
	"Cham", "Cherokee", "Chorasmian", "Common", "Coptic", "Cuneiform", "Cypriot",
	"Cypro_Minoan", "Cyrillic", "Deseret", "Devanagari", "Dives_Akuru", "Dogra", "Duployan",
	"Egyptian_Hieroglyphs", "Elbasan", "Elymaic", "Ethiopic", "Georgian", "Glagolitic",
	"Gothic", "Grantha", "Greek", "Gujarati", "Gunjala_Gondi", "Gurmukhi", "Han", "Hangul",
	"Hanifi_Rohingya", "Hanunoo", "Hatran", "Hebrew", "Hiragana", "Imperial_Aramaic",
	"Inherited", "Inscriptional_Pahlavi", "Inscriptional_Parthian", "Javanese", "Kaithi",
	"Kannada", "Katakana", "Kawi", "Kayah_Li", "Kharoshthi", "Khitan_Small_Script", "Khmer",
	"Khojki", "Khudawadi", "Lao", "Latin", "Lepcha", "Limbu", "Linear_A", "Linear_B", "Lisu",
	"Lycian", "Lydian", "Mahajani", "Makasar", "Malayalam", "Mandaic", "Manichaean", "Marchen",
	"Masaram_Gondi", "Medefaidrin", "Meetei_Mayek", "Mende_Kikakui", "Meroitic_Cursive",
	"Meroitic_Hieroglyphs", "Miao", "Modi", "Mongolian", "Mro", "Multani", "Myanmar",
	"Nabataean", "Nag_Mundari", "Nandinagari", "New_Tai_Lue", "Newa", "Nko", "Nushu",
	"Nyiakeng_Puachue_Hmong", "Ogham", "Ol_Chiki", "Old_Hungarian", "Old_Italic",
	"Old_North_Arabian", "Old_Permic", "Old_Persian", "Old_Sogdian", "Old_South_Arabian",
	"Old_Turkic", "Old_Uyghur", "Oriya", "Osage", "Osmanya", "Pahawh_Hmong", "Palmyrene",
	"Pau_Cin_Hau", "Phags_Pa", "Phoenician", "Psalter_Pahlavi", "Rejang", "Runic", "Samaritan",
	"Saurashtra", "Sharada", "Shavian", "Siddham", "SignWriting", "Sinhala", "Sogdian",
	"Sora_Sompeng", "Soyombo", "Sundanese", "Syloti_Nagri", "Syriac", "Tagalog", "Tagbanwa",
	"Tai_Le", "Tai_Tham", "Tai_Viet", "Takri", "Tamil", "Tangsa", "Tangut", "Telugu", "Thaana",
	"Thai", "Tibetan", "Tifinagh", "Tirhuta", "Toto", "Ugaritic", "Vai", "Vithkuqi", "Wancho",
	"Warang_Citi", "Yezidi", "Yi", "Zanabazar_Square",
};

static const struct {
	const char *name;
	const char *category;
} categories[] = {
	{"C", "C"}, {"Cc", "Cc"}, {"Cf", "Cf"}, {"Cn", "Cn"}, {"Co", "Co"}, {"Cs", "Cs"},
	{"L", "L"}, {"LC", "LC"}, {"Ll", "Ll"}, {"Lm", "Lm"}, {"Lo", "Lo"}, {"Lt", "Lt"},
	{"Lu", "Lu"}, {"M", "M"}, {"Mc", "Mc"}, {"Me", "Me"}, {"Mn", "Mn"}, {"N", "N"},
	{"Nd", "Nd"}, {"Nl", "Nl"}, {"No", "No"}, {"P", "P"}, {"Pc", "Pc"}, {"Pd", "Pd"},
	{"Pe", "Pe"}, {"Pf", "Pf"}, {"Pi", "Pi"}, {"Po", "Po"}, {"Ps", "Ps"}, {"S", "S"},
	{"Sc", "Sc"}, {"Sk", "Sk"}, {"Sm", "Sm"}, {"So", "So"}, {"Z", "Z"}, {"Zl", "Zl"},
	{"Zp", "Zp"}, {"Zs", "Zs"}, {"Cased_Letter", "LC"}, {"Close_Punctuation", "Pe"},
	{"Combining_Mark", "M"}, {"Connector_Punctuation", "Pc"}, {"Control", "Cc"},
	{"Currency_Symbol", "Sc"}, {"Dash_Punctuation", "Pd"}, {"Decimal_Number", "Nd"},
	{"Enclosing_Mark", "Me"}, {"Final_Punctuation", "Pf"}, {"Format", "Cf"},
	{"Initial_Punctuation", "Pi"}, {"Letter", "L"}, {"Letter_Number", "Nl"},
	{"Line_Separator", "Zl"}, {"Lowercase_Letter", "Ll"}, {"Mark", "M"}, {"Math_Symbol", "Sm"},
	{"Modifier_Letter", "Lm"}, {"Modifier_Symbol", "Sk"}, {"Nonspacing_Mark", "Mn"},
	{"Number", "N"}, {"Open_Punctuation", "Ps"}, {"Other", "C"}, {"Other_Letter", "Lo"},
	{"Other_Number", "No"}, {"Other_Punctuation", "Po"}, {"Other_Symbol", "So"},
	{"Paragraph_Separator", "Zp"}, {"Private_Use", "Co"}, {"Punctuation", "P"},
	{"Separator", "Z"}, {"Space_Separator", "Zs"}, {"Spacing_Mark", "Mc"}, {"Surrogate", "Cs"},
	{"Symbol", "S"}, {"Titlecase_Letter", "Lt"}, {"Unassigned", "Cn"},
	{"Uppercase_Letter", "Lu"}, {"cntrl", "Cc"}, {"digit", "Nd"}, {"punct", "P"},
};

static const struct regex_fold_range folds_l[] = {
	{0x345, 0x345},
};

static const struct regex_fold_range folds_ll[] = {
	{0x41, 0x5a}, {0xc0, 0xd6}, {0xd8, 0xde}, {0x100, 0x12e}, {0x132, 0x1b8}, {0x1bc, 0x1bc},
	{0x1c4, 0x24e}, {0x345, 0x345}, {0x370, 0x372}, {0x376, 0x376}, {0x37f, 0x37f},
	{0x386, 0x386}, {0x388, 0x38a}, {0x38c, 0x38c}, {0x38e, 0x3a1}, {0x3a3, 0x3cf},
	{0x3d8, 0x3f4}, {0x3f7, 0x480}, {0x48a, 0x52e}, {0x531, 0x556}, {0x10a0, 0x10c5},
	{0x10c7, 0x10c7}, {0x10cd, 0x10cd}, {0x13a0, 0x13f5}, {0x1c90, 0x1cba}, {0x1cbd, 0x1cbf},
	{0x1e00, 0x1f0f}, {0x1f18, 0x1f1d}, {0x1f28, 0x1f3f}, {0x1f48, 0x1f4d}, {0x1f59, 0x1f59},
	{0x1f5b, 0x1f5b}, {0x1f5d, 0x1f5d}, {0x1f5f, 0x1f6f}, {0x1f88, 0x1faf}, {0x1fb8, 0x1fbc},
	{0x1fc8, 0x1fcc}, {0x1fd8, 0x1fdb}, {0x1fe8, 0x1fec}, {0x1ff8, 0x1ffc}, {0x2126, 0x2126},
	{0x212a, 0x212b}, {0x2132, 0x2132}, {0x2183, 0x2183}, {0x2c00, 0x2c75}, {0x2c7e, 0x2ce2},
	{0x2ceb, 0x2ced}, {0x2cf2, 0x2cf2}, {0xa640, 0xa66c}, {0xa680, 0xa69a}, {0xa722, 0xa76e},
	{0xa779, 0xa786}, {0xa78b, 0xa78d}, {0xa790, 0xa7c9}, {0xa7d0, 0xa7d0}, {0xa7d6, 0xa7d8},
	{0xa7f5, 0xa7f5}, {0xff21, 0xff3a}, {0x10400, 0x10427}, {0x104b0, 0x104d3},
	{0x10570, 0x1057a}, {0x1057c, 0x1058a}, {0x1058c, 0x10592}, {0x10594, 0x10595},
	{0x10c80, 0x10cb2}, {0x118a0, 0x118bf}, {0x16e40, 0x16e5f}, {0x1e900, 0x1e921},
};

static const struct regex_fold_range folds_lt[] = {
	{0x1c4, 0x1cc}, {0x1f1, 0x1f3}, {0x1f80, 0x1fa7}, {0x1fb3, 0x1fb3}, {0x1fc3, 0x1fc3},
	{0x1ff3, 0x1ff3},
};

static const struct regex_fold_range folds_lu[] = {
	{0x61, 0x7a}, {0xb5, 0xb5}, {0xdf, 0xf6}, {0xf8, 0x12f}, {0x133, 0x137}, {0x13a, 0x148},
	{0x14b, 0x18c}, {0x192, 0x19a}, {0x19e, 0x1a8}, {0x1ad, 0x1b9}, {0x1bd, 0x1bd},
	{0x1bf, 0x1bf}, {0x1c5, 0x1ef}, {0x1f2, 0x21f}, {0x223, 0x233}, {0x23c, 0x254},
	{0x256, 0x257}, {0x259, 0x259}, {0x25b, 0x25c}, {0x260, 0x261}, {0x263, 0x263},
	{0x265, 0x266}, {0x268, 0x26c}, {0x26f, 0x26f}, {0x271, 0x272}, {0x275, 0x275},
	{0x27d, 0x27d}, {0x280, 0x280}, {0x282, 0x283}, {0x287, 0x28c}, {0x292, 0x292},
	{0x29d, 0x29e}, {0x345, 0x345}, {0x371, 0x373}, {0x377, 0x377}, {0x37b, 0x37d},
	{0x3ac, 0x3af}, {0x3b1, 0x3f5}, {0x3f8, 0x3fb}, {0x430, 0x481}, {0x48b, 0x52f},
	{0x561, 0x586}, {0x10d0, 0x10fa}, {0x10fd, 0x10ff}, {0x13f8, 0x13fd}, {0x1c80, 0x1c88},
	{0x1d79, 0x1d79}, {0x1d7d, 0x1d7d}, {0x1d8e, 0x1d8e}, {0x1e01, 0x1e95}, {0x1e9b, 0x1e9b},
	{0x1ea1, 0x1f15}, {0x1f20, 0x1f45}, {0x1f51, 0x1f51}, {0x1f53, 0x1f53}, {0x1f55, 0x1f55},
	{0x1f57, 0x1f57}, {0x1f60, 0x1f7d}, {0x1fb0, 0x1fb1}, {0x1fbe, 0x1fbe}, {0x1fd0, 0x1fd1},
	{0x1fe0, 0x1fe1}, {0x1fe5, 0x1fe5}, {0x214e, 0x214e}, {0x2184, 0x2184}, {0x2c30, 0x2c6c},
	{0x2c73, 0x2c73}, {0x2c76, 0x2c76}, {0x2c81, 0x2ce3}, {0x2cec, 0x2cee}, {0x2cf3, 0x2cf3},
	{0x2d00, 0x2d25}, {0x2d27, 0x2d27}, {0x2d2d, 0x2d2d}, {0xa641, 0xa66d}, {0xa681, 0xa69b},
	{0xa723, 0xa72f}, {0xa733, 0xa76f}, {0xa77a, 0xa787}, {0xa78c, 0xa78c}, {0xa791, 0xa794},
	{0xa797, 0xa7a9}, {0xa7b5, 0xa7ca}, {0xa7d1, 0xa7d1}, {0xa7d7, 0xa7d9}, {0xa7f6, 0xa7f6},
	{0xab53, 0xab53}, {0xab70, 0xabbf}, {0xff41, 0xff5a}, {0x10428, 0x1044f},
	{0x104d8, 0x104fb}, {0x10597, 0x105a1}, {0x105a3, 0x105b1}, {0x105b3, 0x105b9},
	{0x105bb, 0x105bc}, {0x10cc0, 0x10cf2}, {0x118c0, 0x118df}, {0x16e60, 0x16e7f},
	{0x1e922, 0x1e943},
};

static const struct regex_fold_range folds_m[] = {
	{0x399, 0x399}, {0x3b9, 0x3b9}, {0x1fbe, 0x1fbe},
};

static const struct regex_fold_range folds_common[] = {
	{0x39c, 0x39c}, {0x3bc, 0x3bc},
};

static const struct regex_fold_range folds_greek[] = {
	{0xb5, 0xb5}, {0x345, 0x345},
};

static const struct regex_fold_range folds_ascii[] = {
	{0x17f, 0x17f}, {0x212a, 0x212a},
};
/* clang-format on */

static const struct {
	const char *name; /* as it goes to PCRE2 */
	const struct regex_fold_range *folds;
	size_t n_folds;
} folding[] = {
	{"L", folds_l, sizeof(folds_l) / sizeof(folds_l[0])},
	{"Ll", folds_ll, sizeof(folds_ll) / sizeof(folds_ll[0])},
	{"Lt", folds_lt, sizeof(folds_lt) / sizeof(folds_lt[0])},
	{"Lu", folds_lu, sizeof(folds_lu) / sizeof(folds_lu[0])},
	{"M", folds_m, sizeof(folds_m) / sizeof(folds_m[0])},
	{"Mn", folds_m, sizeof(folds_m) / sizeof(folds_m[0])},
	{"sc:Inherited", folds_m, sizeof(folds_m) / sizeof(folds_m[0])},
	{"sc:Common", folds_common, sizeof(folds_common) / sizeof(folds_common[0])},
	{"sc:Greek", folds_greek, sizeof(folds_greek) / sizeof(folds_greek[0])},
	{"ASCII", folds_ascii, sizeof(folds_ascii) / sizeof(folds_ascii[0])},
};

static bool is_filler(char c)
{
	return c == '_' || c == '-' || c == ' ';
}

static char to_lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* Names are equal whatever their case, and whatever blanks, `_` and `-` are in them. */
static bool names_equal(struct config_text name, const char *known)
{
	for (size_t i = 0; i < name.n_bytes; i++) {
		if (is_filler(name.data[i]))
			continue;
		known += strspn(known, "_");
		if (*known == '\0' || to_lower(*known) != to_lower(name.data[i]))
			return false;
		known++;
	}
	return *known == '\0';
}

/* Returns PCRE2's name without its prefix, or NULL. */
static const char *find_name(struct config_text name, const char **ret_prefix)
{
	*ret_prefix = "";
	for (size_t i = 0; i < sizeof(categories) / sizeof(categories[0]); i++)
		if (names_equal(name, categories[i].name))
			return strcmp(categories[i].category, "LC") == 0 ? "L&"
									 : categories[i].category;
	if (names_equal(name, "Any"))
		return "Any";
	if (names_equal(name, "ASCII"))
		return "ASCII";
	*ret_prefix = "sc:";
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
		if (names_equal(name, scripts[i]))
			return scripts[i];
	return NULL;
}

bool regex_property_find(struct config_text name, struct regex_property *ret_property,
			 bool *ret_is_negated)
{
	bool is_assigned = names_equal(name, "Assigned");
	const char *prefix = "", *found = is_assigned ? "Cn" : find_name(name, &prefix);

	if (!found)
		return false;
	*ret_is_negated = is_assigned;
	*ret_property = (struct regex_property){.folds = NULL};
	(void)snprintf(ret_property->name, sizeof(ret_property->name), "%s%s", prefix, found);
	for (size_t i = 0; i < sizeof(folding) / sizeof(folding[0]); i++)
		if (strcmp(folding[i].name, ret_property->name) == 0) {
			ret_property->folds = folding[i].folds;
			ret_property->n_folds = folding[i].n_folds;
		}
	return true;
}
