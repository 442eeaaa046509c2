/* CTC prefix beam search with a language; see search.py for what it does and why.
 *
 * A prefix is a beginning of the text. All that were ever reached are in one tree, which grows with the search and
 * is freed at its end; nothing outlives a call, so that any number of threads may search at once.
 */

#include <math.h>
#include <stdlib.h>

#include "search.h"

typedef struct {
    double window, unlikely;
    int32_t beams;
} Limits;

/* The texts of the prefixes that are kept, for the caller; see ctc_search. */
typedef struct {
    int32_t *numbers, *parents, *labels;
} Texts;

typedef struct {
    Knowledge known;
    const Limits *limits;
    int32_t classes;
    int32_t *kept;  /* (steps, beams), for the caller; see ctc_search */
    double *scores; /* (steps, beams) */
    const Texts *texts;
    Prefix *tree;
    int32_t used;
    int64_t room;
    /* The present time step: classes that may follow, prefixes that are reached, probability of blank or space. */
    int32_t *likely, likely_count, *touched, touched_count;
    double gap;
} Search;

/* The logarithm of the sum of two probabilities. */
static double add(double one, double two)
{
    if (one < two) {
        double swapped = one;
        one = two;
        two = swapped;
    }
    return two < NEVER / 2 ? one : one + log1p(exp(two - one));
}

/* The beginning of every text. */
static void plant(Search *search)
{
    Prefix root = {.open = NEVER, .literal = -search->known.weights->literal, .parent = -1, .child = -1, .sibling = -1};
    root.label = root.step = root.previous = -1;
    root.word_case = SMALL;
    root.shape = START;
    root.opens_sentence = 1;
    search->tree[0] = root;
    search->used = 1;
}

/* ---- The tree ---- */

static int32_t child_of(const Search *search, int32_t parent, int32_t label)
{
    int32_t child = search->tree[parent].child;
    while (child >= 0 && search->tree[child].label != label)
        child = search->tree[child].sibling;
    return child;
}

/* Adds a prefix, one character longer than its parent. There is room for it. */
static int32_t grow(Search *search, int32_t parent, int32_t label)
{
    int32_t place = search->used++;
    Prefix *above = search->tree + parent, *prefix = search->tree + place;
    *prefix = *above;
    prefix->parent = parent;
    prefix->child = -1;
    prefix->sibling = above->child;
    prefix->label = label;
    prefix->step = -1;
    prefix->shared = 0;
    prefix->shape = search->known.alphabet->shapes[label];
    above->child = place;
    judge(&search->known, above, prefix);
    return place;
}

/* Makes room for this many more prefixes. */
static int reserve(Search *search, int64_t more)
{
    if (search->used + more <= search->room)
        return FINE;
    int64_t room = search->room + (more > search->room ? more : search->room);
    Prefix *tree = room < INT32_MAX ? realloc(search->tree, room * sizeof *tree) : NULL;
    if (!tree)
        return OUT_OF_MEMORY;
    search->tree = tree;
    search->room = room;
    return FINE;
}

/* ---- A time step ---- */

/* Notes that a prefix is reached in this time step. */
static Prefix *touch(Search *search, int32_t place, int32_t step)
{
    Prefix *prefix = search->tree + place;
    if (prefix->step != step) {
        prefix->step = step;
        prefix->next_blank = prefix->next_open = NEVER;
        search->touched[search->touched_count++] = place;
    }
    return prefix;
}

/* Continues with the same text: a blank, or more of its last character. Spaces after a space are blanks. */
static void stay(Search *search, int32_t place, int32_t step, const double *row)
{
    Prefix *prefix = touch(search, place, step);
    if (prefix->label < 0 || prefix->label == search->known.alphabet->space) {
        prefix->next_blank = add(prefix->next_blank, prefix->total + search->gap);
    } else {
        prefix->next_blank = add(prefix->next_blank, prefix->total + row[0]);
        prefix->next_open = add(prefix->next_open, prefix->open + row[prefix->label]);
    }
}

/* The paths that another character may follow: the same one needs a blank between. */
static double paths_to(const Search *search, const Prefix *prefix, int32_t label)
{
    int32_t space = search->known.alphabet->space;
    if (label == space && (prefix->label < 0 || prefix->label == space))
        return NEVER;
    return label == prefix->label ? prefix->blank : prefix->total;
}

/* Continues with each character that is likely here, unless the result would be `least` or less. */
static void extend(Search *search, int32_t beam, int32_t step, const double *row, double least)
{
    for (int32_t n = 0; n < search->likely_count; n++) {
        int32_t label = search->likely[n];
        const Prefix *prefix = search->tree + beam;
        double paths = paths_to(search, prefix, label);
        if (paths + row[label] + prefix->score < least)
            continue;
        int32_t place = child_of(search, beam, label);
        Prefix *longer = touch(search, place < 0 ? grow(search, beam, label) : place, step);
        longer->next_open = add(longer->next_open, paths + row[label]);
    }
}

/* Looks at the characters of a time step; returns the greatest value of the row. */
static double look(Search *search, const double *row)
{
    double greatest = row[0];
    search->likely_count = search->touched_count = 0;
    search->gap = add(row[0], row[search->known.alphabet->space]);
    for (int32_t label = 1; label < search->classes; label++) {
        greatest = row[label] > greatest ? row[label] : greatest;
        if (row[label] > search->limits->unlikely)
            search->likely[search->likely_count++] = label;
    }
    return greatest;
}

/* Keeps the best prefixes that the time step reached, best first; their next probabilities become the present. */
static int32_t choose(Search *search, int32_t *beams, double *scores)
{
    int32_t count = 0, most = search->limits->beams;
    for (int32_t n = 0; n < search->touched_count; n++) {
        Prefix *prefix = search->tree + search->touched[n];
        prefix->blank = prefix->next_blank;
        prefix->open = prefix->next_open;
        prefix->total = add(prefix->blank, prefix->open);
        double score = prefix->total + prefix->score;
        if (count == most && score <= scores[most - 1])
            continue;
        int32_t rank = count < most ? count : most - 1;
        count = rank + 1;
        for (; rank > 0 && scores[rank - 1] < score; rank--) {
            scores[rank] = scores[rank - 1];
            beams[rank] = beams[rank - 1];
        }
        scores[rank] = score;
        beams[rank] = search->touched[n];
    }
    return count;
}

/* One time step for `count` prefixes, the best of them with the score `best`; returns how many are kept, or -1. */
static int32_t advance(Search *search, int32_t step, const double *row, const int32_t *beams, int32_t count,
                       double best)
{
    double least = best + look(search, row) - search->limits->window;
    if (reserve(search, (int64_t)count * search->likely_count) != FINE)
        return -1;
    for (int32_t n = 0; n < count; n++) {
        stay(search, beams[n], step, row);
        extend(search, beams[n], step, row, least);
    }
    size_t after = (size_t)step * search->limits->beams;
    return choose(search, search->kept + after, search->scores + after);
}

/* ---- The end ---- */

/* The best whole text among prefixes. */
static int32_t winner_of(const Search *search, const int32_t *beams, int32_t count)
{
    double best = 2 * NEVER;
    int32_t winner = 0;
    for (int32_t n = 0; n < count; n++) {
        const Prefix *prefix = search->tree + beams[n];
        const Prefix *above = prefix->parent >= 0 ? search->tree + prefix->parent : prefix;
        double score = prefix->total + judge_line(&search->known, above, prefix);
        if (score > best) {
            best = score;
            winner = beams[n];
        }
    }
    return winner;
}

/* Fills in the classes from the root to a prefix; returns how many. */
static int32_t spell(const Search *search, int32_t winner, int32_t *labels)
{
    int32_t length = 0;
    for (int32_t place = winner; place > 0; place = search->tree[place].parent)
        length++;
    int32_t rest = length;
    for (int32_t place = winner; place > 0; place = search->tree[place].parent)
        labels[--rest] = search->tree[place].label;
    return length;
}

/* Replaces prefixes by how many leading characters they share with the winner; -1 (none) becomes 0. */
static void agree(Search *search, int32_t winner, int32_t length, int64_t count)
{
    Prefix *tree = search->tree;
    int32_t *kept = search->kept;
    for (int32_t place = winner; place > 0; place = tree[place].parent)
        tree[place].shared = length--;
    /* Parents come before their children. */
    for (int32_t place = 1; place < search->used; place++)
        if (tree[place].shared == 0)
            tree[place].shared = tree[tree[place].parent].shared;
    for (int64_t n = 0; n < count; n++)
        kept[n] = kept[n] > 0 ? tree[kept[n]].shared : 0;
}

/* Numbers the prefixes that were kept, whose parents were kept before them, from 1; the root is 0. */
static void tell(Search *search, const Texts *texts, int64_t count)
{
    Prefix *tree = search->tree;
    int32_t told = 0;
    for (int32_t place = 0; place < search->used; place++)
        tree[place].step = 0;
    for (int64_t n = 0; n < count; n++)
        if (search->kept[n] > 0)
            tree[search->kept[n]].step = 1;
    for (int32_t place = 1; place < search->used; place++) {
        if (!tree[place].step)
            continue;
        tree[place].step = ++told;
        texts->parents[told] = tree[tree[place].parent].step;
        texts->labels[told] = tree[place].label;
    }
    for (int64_t n = 0; n < count; n++)
        texts->numbers[n] = search->kept[n] > 0 ? tree[search->kept[n]].step : 0;
}

static int run(Search *search, const double *logs, int32_t steps, int32_t *labels, int32_t *length)
{
    int32_t root = 0, count = 1, most = search->limits->beams;
    const int32_t *beams = &root;
    double best = 0;
    plant(search);
    for (int32_t step = 0; step < steps; step++) {
        count = advance(search, step, logs + (size_t)step * search->classes, beams, count, best);
        if (count < 0)
            return OUT_OF_MEMORY;
        beams = search->kept + (size_t)step * most;
        best = search->scores[(size_t)step * most];
    }
    int32_t winner = winner_of(search, beams, count);
    *length = spell(search, winner, labels);
    if (search->texts)
        tell(search, search->texts, (int64_t)steps * most);
    agree(search, winner, *length, (int64_t)steps * most);
    return FINE;
}

/* The best text of `logs` (steps, classes).
 *
 * labels: (steps), its classes; `length` of them are filled in.
 * kept: (steps, beams), must be filled with -1; leading characters shared with it by each prefix kept after a step.
 * scores: (steps, beams), must be filled with NEVER; the scores of these prefixes, best first.
 * texts: may be NULL. Its numbers (steps, beams) are those of these prefixes, 0 for the empty one; parents and labels
 *     (1 + steps * beams) say, from number 1 on, which prefix each is one character longer than, and that character.
 */
EXPORT int ctc_search(const double *logs, int32_t steps, int32_t classes, const Language *language,
                      const Weights *weights, const Alphabet *alphabet, const Limits *limits, int32_t *labels,
                      int32_t *length, int32_t *kept, double *scores, const Texts *texts)
{
    Search search = {{language, weights, alphabet}, limits, classes, kept, scores, texts, .room = 64 * limits->beams};
    search.tree = malloc(search.room * sizeof *search.tree);
    search.likely = malloc(classes * sizeof *search.likely);
    search.touched = malloc((size_t)limits->beams * (classes + 1) * sizeof *search.touched);
    int status = OUT_OF_MEMORY;
    if (search.tree && search.likely && search.touched)
        status = run(&search, logs, steps, labels, length);
    free(search.tree);
    free(search.likely);
    free(search.touched);
    return status;
}
