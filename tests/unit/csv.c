// SPDX-License-Identifier: MIT
#include "csv.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *grab(size_t size)
{
    void *block = calloc(1, size);
    if (block == NULL)
        abort();
    return block;
}

static char *read_file(const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", TEST_DATA, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "%s: cannot be read\n", path);
        exit(1);
    }
    fseek(file, 0, SEEK_END);
    const long size = ftell(file);
    rewind(file);
    char *text = grab((size_t)size + 1);
    if (fread(text, 1, (size_t)size, file) != (size_t)size)
        abort();
    fclose(file);
    return text;
}

/* Cut the line at `*at` into cells; `*at` moves to the next line. */
static char **split(char **at, int *count)
{
    char **cells = grab(64 * sizeof *cells);
    char *c = *at;
    int n = 0;
    for (;;) {
        const int quoted = *c == '"';
        cells[n++] = c += quoted;
        while (*c != '\0' && *c != '\n' && (quoted ? *c != '"' : *c != ','))
            c++;
        if (quoted)
            *c++ = '\0';
        const char end = *c;
        if (end != '\0')
            *c++ = '\0';
        if (end != ',')
            break;
    }
    *at = c;
    *count = n;
    return cells;
}

struct csv csv_load(const char *name)
{
    struct csv csv = {.text = read_file(name)};
    char *at = csv.text;
    csv.name = split(&at, &csv.columns);
    csv.cell = grab(20000 * sizeof *csv.cell);
    while (*at != '\0') {
        int count;
        csv.cell[csv.rows] = split(&at, &count);
        if (count != csv.columns) {
            fprintf(stderr, "%s: row %d has %d cells\n", name, csv.rows + 1, count);
            exit(1);
        }
        csv.rows++;
    }
    return csv;
}

void csv_free(struct csv *csv)
{
    for (int r = 0; r < csv->rows; r++)
        free(csv->cell[r]);
    free(csv->cell);
    free(csv->name);
    free(csv->text);
}

const char *csv_text(const struct csv *csv, int row, const char *column)
{
    for (int c = 0; c < csv->columns; c++)
        if (strcmp(csv->name[c], column) == 0)
            return csv->cell[row][c];
    fprintf(stderr, "no column %s\n", column);
    exit(1);
}

double csv_real(const struct csv *csv, int row, const char *column)
{
    const char *text = csv_text(csv, row, column);
    return *text == '\0' ? (double)NAN : strtod(text, NULL);
}
