/* Which sources the library is made of, so that library.py takes no other: hatch_build.py defines SOURCES. */

#include "ctc.h"

EXPORT const char *ctc_sources(void)
{
    return SOURCES;
}
