/* What the beam search and its language share. Probabilities are natural logarithms throughout. */

#include "ctc.h"

#define NEVER (-1e30)

/* Kinds of characters and the edge of a word, as in characters.py. */
enum { START, WORD, NUMBER, SPACE };
enum { EDGE = 27, CODES = EDGE + 1, CONTEXTS = CODES * CODES * CODES, WORD_START = CONTEXTS - 1 };
/* How the previous word is written. */
enum { SMALL, CAPITALIZED, CAPITALS };

/* The structures that search.py fills, field by field. */
typedef struct {
    const uint32_t *masks;
    const int32_t *children;
    const float *ahead;
    const int32_t *words;
    const float *frequencies;
    const uint8_t *proper;
    const int64_t *pairs;
    const float *pair_chances;
    const float *paired;
    const float *spelling;
    const float *order;
    int64_t nodes, listed, slots, shapes;
} Language;

typedef struct {
    double acoustic, word, word_bonus, spelling, spelling_bonus, unknown, literal, figures, order, mark_bonus, pair,
        capital, lower, mixed, capitals, lost_space, false_space;
} Weights;

typedef struct {
    const int32_t *codes, *shapes;
    const uint8_t *capitals;
    const uint8_t *opens_sentence; /* by shape */
    int32_t space, at, hyphen;
} Alphabet;

typedef struct {
    /* Paths that end in a blank, in the last character, and in either; the first two also after this time step. */
    double blank, open, total, next_blank, next_open;
    /* Language: the two readings and the better one. */
    double words, literal, score;
    /* The word it ends in: score of the text before it, price of its capitals, letter model. */
    double before, case_price, spelling;
    /* The same word's last three letters, place in the trie, number of letters and of capitals among them. */
    int32_t context, node, letters, capitals;
    /* Its place in the tree: numbers of parent, first child and next sibling; its last class. */
    int32_t parent, child, sibling, label;
    /* The last time step that reached it; how many leading characters it shares with the result. */
    int32_t step, shared;
    /* What it leaves to the next character: number and case of the previous word, kind of the last character. */
    int32_t previous, word_case, shape;
    uint8_t opens_sentence, has_figure;
} Prefix;

typedef struct {
    const Language *language;
    const Weights *weights;
    const Alphabet *alphabet;
} Knowledge;

/* Where the hash table of word pairs, whose slots are a power of two, starts looking for a key. */
static inline int64_t hashed(int64_t key, int64_t slots)
{
    return (int64_t)((uint64_t)key * 0x9E3779B1u) & (slots - 1);
}

/* score.c */

double order_of(const Knowledge *known, int32_t before, int32_t after);

/* Fills in what the language says about a prefix, a copy of the one above with another label and shape. */
void judge(const Knowledge *known, const Prefix *above, Prefix *prefix);

/* The language score of a prefix as a whole line; `above` is its parent, or itself if it has none. */
double judge_line(const Knowledge *known, const Prefix *above, const Prefix *prefix);
