/* The tables that language.py makes from a word list when a recognizer is opened.
 *
 * Words are rows of letter codes, (words, width), padded with EDGE; each row has at least one.
 */

#include <stdlib.h>

#include "search.h"

/* How many letters two words share at their beginnings. */
static int32_t shared_letters(const int8_t *one, const int8_t *other)
{
    int32_t length = 0;
    while (one[length] != EDGE && one[length] == other[length])
        length++;
    return length;
}

/* Fills in the number of each level's first node except the root; returns how many nodes there are. */
static int32_t number_levels(const int8_t *codes, const int64_t *order, int64_t words, int32_t width, int32_t *starts)
{
    for (int64_t n = 0; n < words; n++) {
        const int8_t *word = codes + order[n] * width;
        int32_t level = n ? shared_letters(word, codes + order[n - 1] * width) : 0;
        for (; word[level] != EDGE; level++)
            starts[level]++;
    }
    int32_t nodes = 1;
    for (int32_t level = 0; level < width; level++) {
        int32_t count = starts[level];
        starts[level] = nodes;
        nodes += count;
    }
    return nodes;
}

/* A trie with its nodes in level order, children in the order of their codes.
 *
 * order: (words), the rows in the order of their codes.
 * masks, children, sums, ends: one entry per letter and one more; must be filled with 0, ends with -1.
 * Returns how many nodes there are, or -1 if memory runs out.
 */
EXPORT int32_t ctc_trie(const int8_t *codes, const int64_t *order, int64_t words, int32_t width,
                        const double *probabilities, uint32_t *masks, int32_t *children, double *sums, int32_t *ends)
{
    int32_t *free_node = calloc(width, sizeof *free_node), *path = calloc(width + 1, sizeof *path);
    int32_t nodes = free_node && path ? number_levels(codes, order, words, width, free_node) : -1;
    for (int64_t n = 0; nodes > 0 && n < words; n++) {
        const int8_t *word = codes + order[n] * width;
        int32_t known = n ? shared_letters(word, codes + order[n - 1] * width) : 0, level = 0;
        for (; word[level] != EDGE; level++) {
            if (level >= known) {
                int32_t above = path[level], node = free_node[level]++;
                masks[above] |= (uint32_t)1 << word[level];
                children[above] = children[above] ? children[above] : node;
                path[level + 1] = node;
            }
            sums[path[level + 1]] += probabilities[order[n]];
        }
        ends[path[level]] = (int32_t)order[n];
    }
    free(free_node);
    free(path);
    return nodes;
}

/* Adds up how often each letter, or the edge, follows no, one, two and three codes; `counts` holds the four tables. */
EXPORT void ctc_count_letters(const int8_t *codes, int64_t words, int32_t width, const double *weights,
                              double *counts)
{
    double *after_one = counts + CODES, *after_two = after_one + CODES * CODES, *after_three = after_two + CONTEXTS;
    for (int64_t n = 0; n < words; n++) {
        const int8_t *word = codes + n * width;
        int32_t place = WORD_START, level = 0, code;
        do {
            code = word[level++];
            place = place % CONTEXTS * CODES + code;
            counts[code] += weights[n];
            after_one[place % (CODES * CODES)] += weights[n];
            after_two[place % CONTEXTS] += weights[n];
            after_three[place] += weights[n];
        } while (code != EDGE);
    }
}

/* An open-addressing hash table; a key is at or after `hashed`. `table` must be filled with -1 and have room. */
EXPORT void ctc_hash(const int64_t *keys, const float *values, int64_t count, int64_t slots, int64_t *table,
                     float *found)
{
    for (int64_t n = 0; n < count; n++) {
        int64_t place = hashed(keys[n], slots);
        while (table[place] >= 0 && table[place] != keys[n])
            place = (place + 1) & (slots - 1);
        table[place] = keys[n];
        found[place] = values[n];
    }
}
