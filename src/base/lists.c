// SPDX-License-Identifier: MIT
/* The lists that values of settings have had so far, in a tree by their number: a text of a spec
 * can have a hundred thousand of them, before they are refused. What a number is made of is not
 * stored anywhere: a file has the text of a list. */
#include "base/lists.h"
#include <search.h>
#include <stdlib.h>
#include <string.h>

/* From the lowest bits up: a hash of the items, their sum, their count. Together 53, which a double
 * holds exactly. */
enum { HASH_BITS = 30, SUM_BITS = 17 };
_Static_assert(SETTING_LIST_SUM < 1 << SUM_BITS, "a sum fits its bits");
_Static_assert(SETTING_LIST_ITEMS < 1 << (53 - SUM_BITS - HASH_BITS), "a count fits its bits");

struct list {
    int64_t number;
    size_t count;
    int64_t items[SETTING_LIST_ITEMS];
};

static void *kept;

static int compare(const void *a, const void *b)
{
    const struct list *const x = a, *const y = b;
    return (x->number > y->number) - (x->number < y->number);
}

static const struct list *find(int64_t number)
{
    const struct list wanted = {.number = number};
    void *const node = tfind(&wanted, &kept, compare);
    return node != NULL ? *(struct list *const *)node : NULL;
}

static int64_t number_of(const int64_t *items, size_t count)
{
    uint32_t hash = 2166136261U; /* FNV-1a, a number at a time */
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        hash = (hash ^ (uint32_t)items[i]) * 16777619U;
        sum += items[i];
    }
    CHECK(sum <= SETTING_LIST_SUM);
    return (int64_t)count << (SUM_BITS + HASH_BITS) | sum << HASH_BITS | hash >> (32 - HASH_BITS);
}

double lists_keep(const int64_t *items, size_t count)
{
    CHECK(count <= SETTING_LIST_ITEMS);
    if (count == 0)
        return 0;
    int64_t number = number_of(items, count);
    /* Two lists of one number, which hardly ever is: the second takes the next that is free. */
    for (const struct list *list; (list = find(number)) != NULL; number++) {
        if (list->count == count && memcmp(list->items, items, count * sizeof *items) == 0)
            return (double)number;
    }
    struct list *const list = fault_alloc(1, sizeof *list);
    list->number = number;
    list->count = count;
    memcpy(list->items, items, count * sizeof *items);
    if (tsearch(list, &kept, compare) == NULL)
        fault_no_memory(sizeof *list);
    return (double)number;
}

bool lists_known(double number)
{
    return number == 0 || (number > 0 && number < 0x1p53 && find((int64_t)number) != NULL);
}

size_t settings_list(int64_t number, int64_t items[SETTING_LIST_ITEMS])
{
    const struct list *const list = find(number);
    CHECK(number == 0 || list != NULL);
    if (list == NULL)
        return 0;
    memcpy(items, list->items, list->count * sizeof *items);
    return list->count;
}
