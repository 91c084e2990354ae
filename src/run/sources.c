// SPDX-License-Identifier: MIT
/*
 * The result of a run depends on its settings alone, and the identity of a cell is a hash of these
 * settings and of the version of the algorithm. So equal identities mean equal results, in whatever
 * file they are; where they are not equal, the user has to know.
 *
 * The commit records have hashes of the rows, so that equal runs are known without reading them.
 * Whether the rows are still those of the record is known only by reading them.
 * Each file's runs are sorted once: a cell is then looked up in some twenty steps.
 */
#include "run/sources.h"
#include "base/text.h"
#include "run/comparison.h"
#include "sys/disk.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- files ---- */

/* By identity alone: the same cell may have another number in another file. */
static int compare(const void *a, const void *b)
{
    const struct source_run *const x = a;
    const struct source_run *const y = b;
    return memcmp(x->identity.bytes, y->identity.bytes, IDENTITY_SIZE);
}

static bool was_trained(int32_t outcome)
{
    return outcome == OUTCOME_STOPPED || outcome == OUTCOME_CENSORED || outcome == OUTCOME_DIVERGED;
}

/* A run whose outcome is damaged is listed as well: the user is told of it only if the sweep needs
 * it. */
static enum status list_runs(struct source *source, struct fault *fault)
{
    const int64_t runs = store_runs(source->store);
    int32_t *const outcomes = fault_alloc((size_t)runs, sizeof *outcomes);
    source->runs = fault_alloc((size_t)runs, sizeof *source->runs);
    enum status status = store_column(source->store, record_field("outcome"), outcomes, fault);
    for (int64_t run = 0; run < runs && status == STATUS_OK; run++) {
        struct commit commit;
        struct source_run *const r = &source->runs[source->count];
        if (store_damage(source->store, run) == NULL &&
            (store_state(source->store, run) != STORE_DONE || !was_trained(outcomes[run])))
            continue;
        r->run = run;
        status = store_identity(source->store, run, &r->identity, fault);
        if (status == STATUS_OK)
            status = store_committed(source->store, run, &commit, fault);
        if (status != STATUS_OK || commit.run < 0)
            continue;
        memcpy(r->rows, commit.rows, sizeof r->rows);
        source->count++;
    }
    free(outcomes);
    qsort(source->runs, source->count, sizeof *source->runs, compare);
    return status;
}

/* Two names may lead to one file. */
static enum status find_preferred(struct sources *s, const char *path, struct fault *fault)
{
    struct stat wanted, entry;
    enum status status = disk_look(path, 0, &wanted, fault);
    for (size_t i = 0; i < s->count && status == STATUS_OK; i++) {
        status = disk_look(s->of[i].path, 0, &entry, fault);
        if (status == STATUS_OK && wanted.st_mode != 0 && entry.st_dev == wanted.st_dev &&
            entry.st_ino == wanted.st_ino)
            s->prefer = &s->of[i];
    }
    if (status == STATUS_OK && s->prefer == NULL)
        return fault_set(fault, STATUS_INPUT,
                         "--prefer: %s is none of the files, expected one of --reuse, or that of "
                         "the sweep",
                         path);
    return status;
}

enum status sources_open(struct sources *s, const struct sources_asked *asked, struct store *own,
                         const char *path, struct progress *progress, struct fault *fault)
{
    enum status status = STATUS_OK;
    *s = (struct sources){.of = fault_alloc(asked->count + 1, sizeof *s->of),
                          .holders = fault_alloc(asked->count + 1, sizeof(struct source_run *)),
                          .progress = progress};
    if (own != NULL) {
        s->of[s->count++] = (struct source){.path = path, .store = own};
        s->own = &s->of[0];
    }
    for (size_t i = 0; i < asked->count && status == STATUS_OK; i++) {
        struct source *const source = &s->of[s->count++];
        source->path = asked->paths[i];
        status = store_open(&source->store, source->path, STORE_READ, fault);
        if (status != STATUS_OK)
            fault_prefix(fault, "--reuse");
    }
    for (size_t i = 0; i < s->count && status == STATUS_OK; i++)
        status = list_runs(&s->of[i], fault);
    if (status == STATUS_OK && asked->prefer != NULL)
        status = find_preferred(s, asked->prefer, fault);
    return status;
}

void sources_close(struct sources *s)
{
    for (size_t i = 0; i < s->count; i++) {
        free(s->of[i].runs);
        if (&s->of[i] != s->own)
            store_close(&s->of[i].store);
    }
    free(s->holders);
    free(s->of);
    *s = (struct sources){0};
}

/* ---- one cell ---- */

static struct source_run *find_run(const struct source *source, const struct identity *identity)
{
    const struct source_run key = {.identity = *identity};
    return bsearch(&key, source->runs, source->count, sizeof key, compare);
}

bool sources_own(const struct sources *s, const struct identity *identity)
{
    return s->own != NULL && find_run(s->own, identity) != NULL;
}

static enum status look_at(const struct sources *s, const struct source *source,
                           struct source_run *run, struct fault *fault)
{
    struct fault damage;
    if (run->rows_are != SOURCE_UNSEEN)
        return STATUS_OK;
    const enum status status = store_verify(source->store, run->run, &damage, fault);
    if (status != STATUS_OK)
        return status;
    run->rows_are = damage.text[0] == '\0' ? SOURCE_INTACT : SOURCE_DAMAGED;
    if (damage.text[0] != '\0' && s->progress != NULL)
        progress_say(s->progress, "%s; %s", damage.text,
                     source == s->own ? "that of another file takes its place, if one is intact"
                                      : "it is not copied");
    return STATUS_OK;
}

/* Fill `holders` with the run of each file that has the cell, and counts.
 * \return whether all of them have the same rows */
static bool find_holders(const struct sources *s, const struct identity *identity,
                         struct source_choice *first)
{
    bool same = true;
    *first = (struct source_choice){.source = NULL};
    for (size_t i = 0; i < s->count; i++) {
        struct source_run *const run = find_run(&s->of[i], identity);
        s->holders[i] = run != NULL && run->rows_are != SOURCE_DAMAGED ? run : NULL;
        if (s->holders[i] == NULL)
            continue;
        if (first->source == NULL)
            *first = (struct source_choice){.source = &s->of[i], .run = run};
        same = same && memcmp(run->rows, first->run->rows, COMMIT_HALF) == 0;
    }
    return same;
}

bool sources_has(const struct source *source, const struct identity *identity)
{
    const struct source_run *const run = find_run(source, identity);
    return run != NULL && run->rows_are != SOURCE_DAMAGED;
}

/* After find_holders. \return with `*damaged`: one of them does not count, and the others are to
 * be looked at again */
static enum status look_at_all(const struct sources *s, bool *damaged, struct fault *fault)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < s->count && status == STATUS_OK; i++) {
        if (s->holders[i] == NULL)
            continue;
        status = look_at(s, &s->of[i], s->holders[i], fault);
        *damaged = *damaged || s->holders[i]->rows_are == SOURCE_DAMAGED;
    }
    return status;
}

enum status sources_look(const struct sources *s, const struct identity *identity,
                         struct fault *fault)
{
    struct source_choice first;
    bool others = false, damaged = false;
    (void)!find_holders(s, identity, &first);
    for (size_t i = 0; i < s->count; i++)
        others = others || (s->holders[i] != NULL && &s->of[i] != s->own);
    return others ? look_at_all(s, &damaged, fault) : STATUS_OK;
}

/* ---- runs that differ ---- */

/* So many datasets are named, the others counted. */
enum { NAMED = 6 };

static void list_datasets(const bool *differs, int32_t differing, char *text, size_t size)
{
    size_t count = 0;
    const struct field *const fields = record_fields(&count);
    int32_t named = 0;
    for (size_t f = 0; f < count && named < NAMED; f++) {
        if (differs[f])
            text_add(text, size, "%s%s", named++ > 0 ? ", " : "", fields[f].name);
    }
    if (differing > named)
        text_add(text, size, " and %" PRId32 " more datasets", differing - named);
}

static enum status describe(const struct source_choice *c, char *level, char *text, size_t size,
                            struct fault *fault)
{
    struct store_notes notes;
    const enum status status = store_notes(c->source->store, c->run->run, &notes, fault);
    if (status != STATUS_OK)
        return status;
    text_add(text, size,
             "run %" PRId64 " of %s, trained on host %s, on a CPU of level %s, by revision %s",
             c->run->run, c->source->path, notes.host[0] != '\0' ? notes.host : "?",
             notes.cpu_level[0] != '\0' ? notes.cpu_level : "?",
             notes.revision[0] != '\0' ? notes.revision : "?");
    memcpy(level, notes.cpu_level, sizeof notes.cpu_level);
    return STATUS_OK;
}

/* \param compared how they differ, and `differs` in which fields */
static enum status refuse_pair(const struct source_choice pair[2],
                               const struct comparison *compared, const bool *differs,
                               struct fault *fault)
{
    enum { PATHS = 4096 };
    size_t count = 0;
    char *const words = fault_alloc(2, PATHS + 512);
    char names[512] = "", where[48] = "", cell[SETTING_TEXT], level[2][17];
    struct settings settings;
    char *const texts[2] = {words, words + PATHS + 512};
    enum status status = STATUS_OK;
    for (int i = 0; i < 2 && status == STATUS_OK; i++)
        status = describe(&pair[i], level[i], texts[i], PATHS + 512, fault);
    if (status == STATUS_OK) {
        store_cell(pair[0].source->store, pair[0].run->run, &settings);
        settings_name_cell(&settings, cell, sizeof cell);
        list_datasets(differs, compared->fields, names, sizeof names);
        if (compared->episode >= 0)
            snprintf(where, sizeof where, " from episode %" PRId32 " on", compared->episode);
        status = fault_set(
            fault, STATUS_INPUT,
            "two files differ in the cell %s: %s, and %s, differ in %s, first in %s%s%s; verify "
            "--retrain tells which one this machine computes, and --prefer FILE decides",
            cell, texts[0], texts[1], names, record_fields(&count)[compared->first].name, where,
            comparison_rounds_differently(level[0], level[1])
                ? " (their arithmetic differs in the last bits)"
                : "");
    }
    free(words);
    return status;
}

/* Their rows are read, as the hashes in the commit records do not say what differs.
 * \return STATUS_OK when they do not: the process that writes one of them has taken it back */
static enum status refuse(const struct source_choice pair[2], struct fault *fault)
{
    size_t count = 0;
    void *block = NULL;
    struct record record;
    struct comparison compared;
    CHECK(record_fields(&count) != NULL);
    bool *const differs = fault_alloc(count, sizeof *differs);
    enum status status =
        store_load_new(pair[1].source->store, pair[1].run->run, &record, &block, fault);
    if (status == STATUS_OK)
        status = comparison_make(pair[0].source->store, pair[0].run->run, &record, &compared,
                                 differs, fault);
    if (status == STATUS_OK && compared.fields > 0)
        status = refuse_pair(pair, &compared, differs, fault);
    free(differs);
    free(block);
    return status;
}

/* Another process has taken the run back or committed it again since it was listed. */
static enum status list_again(const struct source_choice *choice, struct fault *fault)
{
    struct commit commit;
    const enum status status =
        store_committed(choice->source->store, choice->run->run, &commit, fault);
    if (status != STATUS_OK)
        return status;
    choice->run->rows_are = commit.run < 0 ? SOURCE_DAMAGED : SOURCE_UNSEEN;
    memcpy(choice->run->rows, commit.rows, sizeof choice->run->rows);
    return STATUS_OK;
}

/* The first two that differ; `first` is the first one of all. */
static enum status refuse_first(const struct sources *s, const struct source_choice *first,
                                struct fault *fault)
{
    size_t i = 0;
    while (s->holders[i] == NULL || memcmp(s->holders[i]->rows, first->run->rows, COMMIT_HALF) == 0)
        i++;
    const struct source_choice pair[] = {*first, {.source = &s->of[i], .run = s->holders[i]}};
    enum status status = refuse(pair, fault);
    for (int k = 0; k < 2 && status == STATUS_OK; k++)
        status = list_again(&pair[k], fault);
    return status;
}

/* The run of the preferred file; without a source: it does not have the cell. After
 * find_holders. */
static struct source_choice preferred(const struct sources *s)
{
    const size_t i = s->prefer != NULL ? (size_t)(s->prefer - s->of) : 0;
    if (s->prefer == NULL || s->holders[i] == NULL)
        return (struct source_choice){.source = NULL};
    return (struct source_choice){.source = &s->of[i], .run = s->holders[i], .decided = true};
}

bool sources_agree(const struct sources *s, const struct identity *identity)
{
    struct source_choice first;
    return find_holders(s, identity, &first) || preferred(s).source != NULL;
}

enum status sources_choose(const struct sources *s, const struct identity *identity,
                           struct source_choice *choice, struct fault *fault)
{
    enum status status = STATUS_OK;
    while (!find_holders(s, identity, choice) && status == STATUS_OK) {
        bool damaged = false;
        const struct source_choice decided = preferred(s);
        if (decided.source != NULL) {
            *choice = decided;
            status = look_at(s, choice->source, choice->run, fault);
            if (status != STATUS_OK || choice->run->rows_are == SOURCE_INTACT)
                return status;
            continue;
        }
        status = look_at_all(s, &damaged, fault);
        if (status == STATUS_OK && !damaged)
            status = refuse_first(s, choice, fault);
    }
    return status;
}
