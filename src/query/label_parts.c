// SPDX-License-Identifier: MIT
/* Which settings are part of a label, and what a label is in few words. */
#include "query/label_parts.h"
#include "base/text.h"
#include "spec/grid.h"
#include "store/schema.h"
#include <math.h>
#include <stdlib.h>

/* NaN is `none`, and does not differ from itself. */
static bool same(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

/* Labels have small numbers from 1 on (settings_label), so an array finds the first value of each
 * in one pass over the runs. */
bool labels_decide(int64_t runs, const double *label, const struct setting *row,
                   const double *value)
{
    double most = 0;
    if (grid_always(row) || row->type == TYPE_LABEL)
        return false;
    for (int64_t run = 0; run < runs; run++)
        most = fmax(most, label[run]);
    int64_t *const first = fault_alloc((size_t)most + 1, sizeof *first);
    bool decided = true;
    for (int64_t run = 0; run < runs && decided; run++) {
        int64_t *const seen = &first[(size_t)label[run]];
        *seen = *seen == 0 ? run + 1 : *seen; /* 0: none so far */
        decided = same(value[*seen - 1], value[run]);
    }
    free(first);
    return decided;
}

/* The value that most labels have of a part. */
static double usual_value(const struct label_part *part, int64_t labels, const int64_t *run)
{
    double usual = part->of_run[run[0]], fallback = 0;
    int64_t best = 0;
    CHECK(settings_read(part->row, part->row->fallback, &fallback, NULL) == STATUS_OK);
    for (int64_t a = 0; a < labels; a++) {
        const double value = part->of_run[run[a]];
        int64_t count = 0;
        for (int64_t b = 0; b < labels; b++)
            count += same(part->of_run[run[b]], value);
        if (count > best || (count == best && same(value, fallback) && !same(usual, fallback))) {
            best = count;
            usual = value;
        }
    }
    return usual;
}

/* Whether the value that a run has of part `which` is to be named. What a preset decides follows
 * from it where the preset is part of the label as well: then only another value is. */
static bool is_said(size_t parts, const struct label_part *part, size_t which, int64_t run)
{
    const struct setting *const row = part[which].row;
    const struct setting *const preset = settings_preset_of(row);
    double expected = part[which].usual;
    for (size_t i = 0; preset != NULL && i < parts; i++) {
        struct settings decided;
        char choice[SETTING_TEXT];
        if (part[i].row != preset)
            continue;
        settings_init(&decided);
        settings_write(preset, part[i].of_run[run], choice, sizeof choice);
        CHECK(settings_set(&decided, preset, choice, NULL) == STATUS_OK);
        expected = settings_number(&decided, row);
    }
    return !same(part[which].of_run[run], expected);
}

void labels_compare(size_t parts, struct label_part *part, int64_t labels, const int64_t *run)
{
    for (size_t i = 0; i < parts; i++)
        part[i].usual = usual_value(&part[i], labels, run);
}

void labels_describe(size_t parts, const struct label_part *part, int64_t run, char *text,
                     size_t size)
{
    text[0] = '\0';
    for (size_t i = 0; i < parts; i++) {
        const struct setting *const row = part[i].row;
        char name[64], shown[SETTING_TEXT];
        if (!is_said(parts, part, i, run))
            continue;
        schema_axis_name(row, name, sizeof name);
        settings_write(row, part[i].of_run[run], shown, sizeof shown);
        text_add(text, size, "%s%s %s", text[0] != '\0' ? ", " : "", name, shown);
    }
}
