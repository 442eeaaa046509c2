/* What the language says about a prefix: its words and marks, or the same token as read; see search.py. */

#include <math.h>

#include "search.h"

double order_of(const Knowledge *known, int32_t before, int32_t after)
{
    return known->weights->order * known->language->order[before * known->language->shapes + after];
}

/* ---- Letters and words ---- */

/* The trie node of one more letter, -1 if no word continues like this. */
static int32_t follow(const Language *language, int32_t node, int32_t code)
{
    if (node < 0)
        return -1;
    uint32_t bit = (uint32_t)1 << code, mask = language->masks[node];
    if (!(mask & bit))
        return -1;
    int32_t place = language->children[node];
    for (uint32_t before = mask & (bit - 1); before; before &= before - 1)
        place++;
    return place < language->nodes ? place : -1;
}

/* The price of a letter's case; the prefix has counted it among its letters but not yet among its capitals. */
static double case_of(const Prefix *prefix, int32_t code, int capital, const Weights *weights)
{
    int all_capitals = prefix->capitals == prefix->letters - 1;
    if (prefix->letters == 1) {
        if (!capital)
            return prefix->word_case == CAPITALS ? weights->capitals / 2 : 0;
        if (prefix->opens_sentence || prefix->word_case == CAPITALS)
            return 0;
        return prefix->word_case == CAPITALIZED ? weights->capital / 2 : weights->capital;
    }
    if (capital && all_capitals)
        return prefix->letters == 2 && prefix->word_case != CAPITALS ? weights->capitals : 0;
    if (capital || (all_capitals && prefix->capitals > 1 && code < EDGE - 1))
        return weights->mixed;
    return 0;
}

/* Continues the word of the prefix above, or begins one. */
static void open_word(const Knowledge *known, const Prefix *above, Prefix *prefix)
{
    if (above->shape == WORD) {
        prefix->letters++;
        return;
    }
    prefix->before = above->words + order_of(known, above->shape, WORD);
    prefix->case_price = prefix->spelling = 0;
    prefix->node = 0;
    prefix->context = WORD_START;
    prefix->letters = 1;
    prefix->capitals = 0;
}

static void add_letter(const Knowledge *known, const Prefix *above, Prefix *prefix)
{
    const Language *language = known->language;
    const Weights *weights = known->weights;
    int32_t code = known->alphabet->codes[prefix->label];
    int capital = known->alphabet->capitals[prefix->label];
    open_word(known, above, prefix);
    prefix->case_price += case_of(prefix, code, capital, weights);
    prefix->capitals += capital;
    prefix->node = follow(language, prefix->node, code);
    int32_t longer = prefix->context * CODES + code;
    prefix->spelling += language->spelling[longer];
    prefix->context = longer % CONTEXTS;
    double word =
        weights->spelling * prefix->spelling + weights->spelling_bonus * prefix->letters - weights->unknown;
    if (prefix->node >= 0) {
        double listed = weights->word * language->ahead[prefix->node] + weights->word_bonus * prefix->letters;
        word = listed > word ? listed : word;
    }
    prefix->words = prefix->before + word - prefix->case_price;
}

/* Log probability of a word after another: its frequency, mixed with that of the pair. */
static double chance_of(const Knowledge *known, int32_t previous, int32_t word)
{
    const Language *language = known->language;
    if (previous < 0)
        return language->frequencies[word];
    double share = known->weights->pair;
    int64_t key = (int64_t)previous * language->listed + word, place = hashed(key, language->slots);
    while (language->pairs[place] >= 0 && language->pairs[place] != key)
        place = (place + 1) & (language->slots - 1);
    double chance = expf(language->frequencies[word]) * (1 - share * language->paired[previous]);
    if (language->pairs[place] == key)
        chance += share * expf(language->pair_chances[place]);
    return log(chance);
}

/* The score of the word that ends here; its number, or -1, goes to `word`. */
static double end_word(const Knowledge *known, const Prefix *prefix, int32_t *word)
{
    const Language *language = known->language;
    const Weights *weights = known->weights;
    double spelling = prefix->spelling + language->spelling[prefix->context * CODES + EDGE];
    double unknown = weights->spelling * spelling + weights->spelling_bonus * prefix->letters - weights->unknown -
                     prefix->case_price;
    *word = prefix->node >= 0 ? language->words[prefix->node] : -1;
    if (*word < 0)
        return unknown;
    double listed =
        weights->word * chance_of(known, prefix->previous, *word) + weights->word_bonus * prefix->letters;
    if (!language->proper[*word] || prefix->capitals > 1)
        listed -= prefix->case_price;
    else if (prefix->capitals == 0)
        listed -= prefix->case_price + weights->lower;
    if (listed > unknown)
        return listed;
    *word = -1;
    return unknown;
}

/* ---- Marks ---- */

/* The word reading of the text before a mark, and what its last word leaves behind. */
static double close_word(const Knowledge *known, const Prefix *above, Prefix *prefix)
{
    if (above->shape != WORD)
        return above->words;
    double words = above->before + end_word(known, above, &prefix->previous);
    int all_capitals = above->capitals > 1 && above->capitals == above->letters;
    prefix->opens_sentence = 0;
    prefix->word_case = above->capitals == 0 ? SMALL : all_capitals ? CAPITALS : CAPITALIZED;
    return words;
}

/* A space begins a new token, which may again be read either way. */
static void add_space(const Knowledge *known, Prefix *prefix)
{
    double literal = prefix->literal + order_of(known, WORD, SPACE);
    if (literal > prefix->words) {
        prefix->words = literal;
        prefix->previous = -1;
    }
    prefix->literal = prefix->words - known->weights->literal;
    prefix->has_figure = 0;
}

/* A space, digit, punctuation or another mark, which ends the word before it. */
static void add_mark(const Knowledge *known, const Prefix *above, Prefix *prefix)
{
    prefix->letters = prefix->capitals = 0;
    prefix->words = close_word(known, above, prefix);
    if (prefix->shape != NUMBER || above->shape != NUMBER) {
        double price = order_of(known, above->shape, prefix->shape);
        if (prefix->shape != SPACE)
            price = fmin(0, price + known->weights->mark_bonus);
        prefix->words += price;
    }
    if (prefix->shape == SPACE) {
        add_space(known, prefix);
        return;
    }
    prefix->previous = -1;
    prefix->opens_sentence |= known->alphabet->opens_sentence[prefix->shape];
}

/* ---- Both readings ---- */

void judge(const Knowledge *known, const Prefix *above, Prefix *prefix)
{
    if (prefix->shape == WORD)
        add_letter(known, above, prefix);
    else
        add_mark(known, above, prefix);
    if (!prefix->has_figure && (prefix->shape == NUMBER || prefix->shape == known->alphabet->at)) {
        prefix->has_figure = 1;
        prefix->literal += known->weights->literal - known->weights->figures;
    }
    prefix->score = prefix->literal > prefix->words ? prefix->literal : prefix->words;
}

/* A word before a hyphen may continue on the next line. */
double judge_line(const Knowledge *known, const Prefix *above, const Prefix *prefix)
{
    double words = prefix->words;
    if (prefix->shape == WORD) {
        int32_t word;
        words = prefix->before + end_word(known, prefix, &word);
    } else if (prefix->shape == known->alphabet->hyphen && above->shape == WORD) {
        double price = order_of(known, WORD, prefix->shape) + known->weights->mark_bonus;
        words = fmax(words, above->words + fmin(0, price));
    }
    if (prefix->shape != SPACE)
        words += order_of(known, prefix->shape, START);
    return fmax(words, prefix->literal + order_of(known, WORD, START));
}
