#pragma once
/* The tree of a mangled C++ name: what kinds of nodes there are, and what each one's fields mean.
 */
#include <stdint.h>

enum node_kind {
	NODE_NOTHING,
	NODE_LIST,      /* a: element, b: the rest */
	NODE_NAME,      /* text */
	NODE_BUILTIN,   /* text, c: its letter */
	NODE_QUALIFIED, /* a::b */
	NODE_LOCAL,     /* a: encoding, b: name */
	NODE_METHOD,    /* a: name, b: qualifiers; reference by flags: until the type is known */
	NODE_ENCODING,  /* a: name, b: function */
	NODE_TEMPLATE,  /* a: name, b: arguments */
	NODE_PARAM,     /* a: template, 0 until known; c: index */
	NODE_AUTO,      /* c: index */
	NODE_TAGGED,    /* a[abi:b] */
	NODE_CTOR,      /* a: class, b: base it inherits from */
	NODE_DTOR,      /* a */
	NODE_OPERATOR,  /* text, c: code */
	NODE_LITERAL_OPERATOR,    /* a: name */
	NODE_CAST,                /* a: type */
	NODE_PREFIXED,            /* text, a */
	NODE_CONSTRUCTION_VTABLE, /* a-in-b */
	NODE_ENABLE_IF,           /* a, b: arguments */
	NODE_REQUIRES,            /* a requires b */
	NODE_MODULE,              /* a: parent, b: name; partition by flag */
	NODE_MODULE_ENTITY,       /* a: name, b: module */
	NODE_BINDINGS,            /* a: list */
	NODE_DEFAULT_ARGUMENT,    /* a: name, c: number */
	NODE_CLOSURE,             /* a: parameters, b: template head, c: number */
	NODE_UNNAMED,             /* c: number */
	NODE_NUMBERED,            /* text, c: number */
	NODE_QUALIFIER,           /* text, a: list */
	NODE_CV,                  /* a: type, b: qualifiers */
	NODE_POINTER,
	NODE_LREF,
	NODE_RREF,     /* a */
	NODE_SUFFIXED, /* a, text */
	NODE_VENDOR,   /* a: type, b: qualifier */
	NODE_FUNCTION, /* a: return type, b: parameters, c: qualifiers; reference by flags */
	NODE_ARRAY,
	NODE_VECTOR,         /* a: dimension, b: element */
	NODE_MEMBER_POINTER, /* a: class, b: member */
	NODE_CALL_LIKE,      /* text (a) */
	NODE_DECLTYPE,       /* a */
	NODE_FIXED,          /* a; by flags */
	NODE_PACK,           /* a: list */
	NODE_EXPANSION,      /* a */
	NODE_HEAD_TYPE,      /* typename a */
	NODE_HEAD_VALUE,     /* b a; a constrained type by flag */
	NODE_HEAD_TEMPLATE,  /* a: name, b: parameters */
	NODE_HEAD_PACK,      /* a */
	NODE_LITERAL,        /* a: type, text; negative by flag */
	NODE_STRING_LITERAL,
	NODE_LAMBDA,              /* a: type */
	NODE_NULLARY,             /* a: operator */
	NODE_UNARY,               /* a: operator, b: operand; by flags */
	NODE_BINARY,              /* a: operator, b: left, c: right */
	NODE_TERNARY,             /* a: list of three, c: operator code */
	NODE_FOLD,                /* a: operator, b: first, c: second; from the left by flag */
	NODE_NEW,                 /* a: place, b: type, c: initializer */
	NODE_INITIALIZER,         /* a: type, b: list */
	NODE_SUBOBJECT,           /* a: expression, b: type, c: offset */
	NODE_CAST_MEMBER,         /* a: type, b: expression */
	NODE_PARAMETER,           /* c: number; 0 is this */
	NODE_SIZEOF_PACK,         /* a: what has a pack */
	NODE_SIZEOF_LIST,         /* a: list */
	NODE_REQUIRES_EXPRESSION, /* a: parameters, b: requirements */
	NODE_REQUIREMENT,         /* a: expression, b: constraint of its type; noexcept by flag */
	NODE_KINDS,
};

enum node_flag {
	FLAG_LREF = 1, /* METHOD, FUNCTION */
	FLAG_RREF = 2,
	FLAG_C_IS_NODE = 4,
	FLAG_LOCAL = 8,     /* FUNCTION: of what encloses a local name */
	FLAG_NEGATIVE = 16, /* LITERAL */
	FLAG_SUFFIX = 16,   /* UNARY */
	FLAG_TYPE = 32,     /* UNARY: sizeof a type; HEAD_VALUE: a constraint on one */
	FLAG_LEFT = 16,     /* FOLD */
	FLAG_ACCUM = 16,    /* FIXED */
	FLAG_SATURATED = 32,
	FLAG_PARTITION = 16, /* MODULE */
	FLAG_NOEXCEPT = 16,  /* REQUIREMENT */
	FLAG_THIS = 16,      /* LIST: its first is an explicit object parameter */
};

#define TARGET_MIXED UINT32_C(0xffffffff)
#define TARGET_AUTO  UINT32_C(0xfffffffe)

struct node {
	uint8_t kind;
	uint8_t flags;
	uint32_t
		target; /* what the parameters below are tied to: a template, or one of the above */
	uint32_t a, b, c;
	uint32_t n_text;
	const char *text; /* borrowed: the mangled name, or a constant */
};

struct node_list {
	uint32_t first;
	uint32_t last;
	uint32_t n;
};
