/* What the C side of CTC decoding shows to Python; see search.py and alignment.py, which check all arguments. */

#include <stdint.h>

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

/* Every function returns one of these. */
enum { FINE, OUT_OF_MEMORY };
