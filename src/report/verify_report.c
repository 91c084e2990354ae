// SPDX-License-Identifier: MIT
#include "report/verify_report.h"
#include "base/text.h"
#include "report/json.h"
#include <inttypes.h>
#include <string.h>

static int64_t count_done(const struct store *store)
{
    int64_t done = 0;
    for (int64_t run = 0; run < store_runs(store); run++)
        done += store_state(store, run) == STORE_DONE;
    return done;
}

void verify_count(const struct verify_report *report, char *text, size_t size)
{
    snprintf(text, size, "%zu finding%s", report->defects.count,
             report->defects.count == 1 ? "" : "s");
}

/* A sentence may quote what another program has written: it is made fit for a terminal. */
static void print_sentence(FILE *file, const char *text)
{
    struct fault sentence;
    snprintf(sentence.text, sizeof sentence.text, "%s", text);
    fprintf(file, "%s\n", text_make_plain(sentence.text));
}

static void print_compared(FILE *file, const struct verify_report *report)
{
    char count[48] = "nothing is wrong";
    if (report->defects.count > 0)
        verify_count(report, count, sizeof count);
    fprintf(file, "%s: ", report->path);
    if (report->store == NULL) {
        fprintf(file, "its runs cannot be read: %s\n", count);
        return;
    }
    const int64_t runs = store_runs(report->store), done = count_done(report->store);
    char again[64] = "";
    if (report->drawn != NULL)
        snprintf(again, sizeof again, ", %d of %d run%s trained again", report->trained,
                 report->draws, report->draws == 1 ? "" : "s");
    fprintf(file,
            "%" PRId64 " run%s, %" PRId64 " finished%s; compared: settings, columns, notes, "
            "%" PRId64 " commit record%s and the rows of %" PRId64 " finished run%s (%.3g MB)%s: "
            "%s\n",
            runs, runs == 1 ? "" : "s", done, report->held ? ", a process is at work" : "",
            report->found.records, report->found.records == 1 ? "" : "s", report->found.rows,
            report->found.rows == 1 ? "" : "s", 1e-6 * (double)report->found.bytes, again, count);
}

void verify_print(FILE *file, const struct verify_report *report)
{
    for (size_t i = 0; i < report->defects.count; i++)
        print_sentence(file, report->defects.of[i].text);
    print_compared(file, report);
}

static json_t *defect_json(const void *of, int64_t i)
{
    const struct defect *const defect = &((const struct defects *)of)->of[i];
    return json_pack("{s:o, s:o, s:o, s:o}", "run", json_whole_or_null(defect->run), "dataset",
                     defect->dataset[0] != '\0' ? json_text(defect->dataset) : json_null(),
                     "episode", json_whole_or_null(defect->episode), "text",
                     json_text(defect->text));
}

static json_t *retrained_json(const struct verify_report *report)
{
    json_t *const runs = json_array();
    if (report->drawn == NULL) {
        json_decref(runs);
        return json_null();
    }
    for (int i = 0; i < report->draws; i++)
        json_array_append_new(runs, json_integer(report->drawn[i]));
    return json_pack("{s:o, s:o, s:i}", "runs", runs, "draw_seed",
                     json_whole_or_null(report->draw_seed), "compared", report->trained);
}

bool verify_print_json(FILE *file, const struct verify_report *report)
{
    const bool readable = report->store != NULL;
    const struct store_found *const found = &report->found;
    struct json_stream stream = json_stream_begin(file, 2);
    json_stream_set_all(
        &stream,
        json_pack("{s:i, s:o, s:b, s:o, s:b, s:o, s:o, s:o, s:o, s:o}", "schema_version",
                  VERIFY_SCHEMA_VERSION, "file", json_text(report->path), "locked", report->held,
                  "holder", report->holder[0] != '\0' ? json_text(report->holder) : json_null(),
                  "readable", readable, "runs",
                  json_whole_or_null(readable ? store_runs(report->store) : -1), "finished",
                  json_whole_or_null(readable ? count_done(report->store) : -1), "commit_records",
                  json_whole_or_null(readable ? found->records : -1), "compared_runs",
                  json_whole_or_null(readable ? found->rows : -1), "compared_bytes",
                  json_whole_or_null(readable ? found->bytes : -1)));
    json_stream_set(&stream, "retrained", retrained_json(report));
    json_stream_list(&stream, "findings", (int64_t)report->defects.count, defect_json,
                     &report->defects);
    return json_stream_end(&stream);
}
