// SPDX-License-Identifier: MIT
/** Figures of tests/data: comma-separated tables with a header line, cells kept as text. */
#ifndef CCMSWEEP_TESTS_CSV_H
#define CCMSWEEP_TESTS_CSV_H

struct csv {
    int rows, columns;
    char **name;  /* (columns) */
    char ***cell; /* (rows, columns) */
    char *text;
};

/* Load TEST_DATA/`name`; ends the test program when it is not there. Quoted cells may hold commas.
 */
struct csv csv_load(const char *name);
void csv_free(struct csv *csv);

/* Text of a cell; an unknown column ends the test program. */
const char *csv_text(const struct csv *csv, int row, const char *column);

/* Number in a cell, NaN when it is empty. */
double csv_real(const struct csv *csv, int row, const char *column);

#endif
