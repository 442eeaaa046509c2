/* Where the characters of a known text are in a CTC network's output; see alignment.py.
 *
 * The states of the path are the text's characters with a blank before, between and after them: character `place` is
 * state 2 * place + 1, and even states are blanks.
 */

#include <math.h>
#include <stdlib.h>

#include "ctc.h"

typedef struct {
    const double *logs;    /* (steps, classes) */
    const int32_t *labels; /* (length) */
    int32_t steps, classes, length, states;
    double *scores; /* (states), the best path to each state up to the present step */
    int8_t *moves;  /* (steps, states), how many states before it that path was a step earlier */
} Trellis;

static void start(Trellis *trellis)
{
    for (int32_t state = 0; state < trellis->states; state++)
        trellis->scores[state] = -INFINITY;
    trellis->scores[0] = trellis->logs[0];
    trellis->scores[1] = trellis->logs[trellis->labels[0]];
}

/* One time step of a character: from itself, from the blank before it, or from the character before if that differs. */
static void enter_character(const Trellis *trellis, int32_t place, double chance, int8_t *moves)
{
    const int32_t *label = trellis->labels + place;
    double *score = trellis->scores + 2 * place + 1, best = score[0];
    int8_t move = score[-1] > best;
    best = move ? score[-1] : best;
    if (place > 0 && label[0] != label[-1] && score[-2] > best) {
        best = score[-2];
        move = 2;
    }
    score[0] = best + chance;
    moves[2 * place + 1] = move;
}

/* One time step of a blank: from itself, or from the character before it. */
static void enter_blank(const Trellis *trellis, int32_t state, double chance, int8_t *moves)
{
    double *score = trellis->scores + state;
    int8_t move = score[-1] > score[0];
    score[0] = (move ? score[-1] : score[0]) + chance;
    moves[state] = move;
}

static void advance(Trellis *trellis, int32_t step)
{
    const double *row = trellis->logs + (size_t)step * trellis->classes;
    int8_t *moves = trellis->moves + (size_t)step * trellis->states;
    /* Last states first: each looks at those before it as they were a step earlier. */
    for (int32_t place = trellis->length - 1; place >= 0; place--) {
        enter_blank(trellis, 2 * place + 2, row[0], moves);
        enter_character(trellis, place, row[trellis->labels[place]], moves);
    }
    trellis->scores[0] += row[0];
    moves[0] = 0;
}

static void trace(const Trellis *trellis, int32_t *places)
{
    const double *scores = trellis->scores;
    int32_t state = trellis->states - 1;
    if (!(scores[state] > scores[state - 1]))
        state--;
    for (int32_t step = trellis->steps - 1; step >= 0; step--) {
        if (state % 2) {
            int32_t *place = places + 2 * (state / 2);
            place[0] = step;
            if (place[1] == 0)
                place[1] = step + 1;
        }
        state -= step ? trellis->moves[(size_t)step * trellis->states + state] : 0;
    }
}

/* The most probable path that spells a text. `places` (length, 2) must be filled with 0; steps and length must be over 0. */
EXPORT int ctc_align(const double *logs, int32_t steps, int32_t classes, const int32_t *labels, int32_t length,
                     int32_t *places)
{
    Trellis trellis = {logs, labels, steps, classes, length, 2 * length + 1, NULL, NULL};
    trellis.scores = malloc(trellis.states * sizeof *trellis.scores);
    trellis.moves = malloc((size_t)steps * trellis.states);
    int status = trellis.scores && trellis.moves ? FINE : OUT_OF_MEMORY;
    if (status == FINE) {
        start(&trellis);
        for (int32_t step = 1; step < steps; step++)
            advance(&trellis, step);
        trace(&trellis, places);
    }
    free(trellis.scores);
    free(trellis.moves);
    return status;
}
