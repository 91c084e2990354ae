// SPDX-License-Identifier: MIT
/* The lists that values of settings have had so far. There are few, some tens in a sweep, so they
 * are looked up one by one. What a number is made of is not stored anywhere: a file has the text of
 * a list. */
#include "base/lists.h"
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

static struct list *kept;
static size_t kept_count;

static const struct list *find(int64_t number)
{
    for (size_t i = 0; i < kept_count; i++) {
        if (kept[i].number == number)
            return &kept[i];
    }
    return NULL;
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
    struct list *const more = realloc(kept, (kept_count + 1) * sizeof *kept);
    if (more == NULL)
        fault_no_memory((kept_count + 1) * sizeof *kept);
    kept = more;
    kept[kept_count] = (struct list){.number = number, .count = count};
    memcpy(kept[kept_count++].items, items, count * sizeof *items);
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
