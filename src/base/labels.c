// SPDX-License-Identifier: MIT
/* The labels that specs have had so far, in a tree by their text, and in an array by their number:
 * a hostile spec has as many as its text holds, before it is refused. */
#include "base/labels.h"
#include <ccmsweep/settings.h>
#include <search.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct label {
    int64_t number;
    char text[SETTING_LABEL_BYTES + 1];
};

static void *tree;
static struct label **kept; /* (count) by number - 1 */
static int64_t count, room;

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct label *)a)->text, ((const struct label *)b)->text);
}

/* By hand: isalnum depends on the locale. */
static bool is_of_label(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
}

bool labels_valid(const char *text)
{
    size_t length = 0;
    while (is_of_label(text[length]))
        length++;
    return text[length] == '\0' && length > 0 && length <= SETTING_LABEL_BYTES &&
           strcmp(text, "none") != 0;
}

static void append(struct label *label)
{
    if (count == room) {
        room = room > 0 ? 2 * room : 16;
        struct label **const more = realloc(kept, (size_t)room * sizeof *more);
        if (more == NULL)
            fault_no_memory((size_t)room * sizeof(struct label *));
        kept = more;
    }
    kept[count++] = label;
    label->number = count;
}

double labels_keep(const char *text)
{
    CHECK(labels_valid(text));
    struct label *const label = fault_alloc(1, sizeof *label);
    memcpy(label->text, text, strlen(text));
    struct label *const *const node = tsearch(label, &tree, compare);
    if (node == NULL)
        fault_no_memory(sizeof *label);
    const struct label *const found = *node;
    if (found == label)
        append(label);
    else
        free(label);
    return (double)found->number;
}

const char *labels_text(double number)
{
    const bool known = number >= 1 && number <= (double)count && number == (double)(int64_t)number;
    return known ? kept[(int64_t)number - 1]->text : NULL;
}
