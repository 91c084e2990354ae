// SPDX-License-Identifier: MIT
/*
 * The files of the published study, so that its own plot scripts work on our runs. Keys, their
 * order, and what they mean are those of the study, even where this program would have chosen
 * differently: its `stopping_episode` is the number of episodes when the actors did not stop.
 * export.h says what a reader must know.
 */
#include "base/text.h"
#include "model/squash.h"
#include "report/export.h"
#include "sys/atomic_file.h"
#include "sys/disk.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* JSON being written, indented by two spaces for each level. Not by a JSON library: the study
 * writes with Python, whose JSON has NaN and Infinity, and its programs expect them; the standard,
 * and so the library, has neither. */
struct json {
    FILE *file;
    int depth;
    bool first; /* the innermost bracket is empty so far */
};

/* What comes before a value: the comma after the one before, the indent, and the key in an object
 * (NULL in an array). */
static void next_item(struct json *j, const char *key)
{
    if (j->depth > 0)
        fprintf(j->file, "%s\n%*s", j->first ? "" : ",", 2 * j->depth, "");
    if (key != NULL)
        fprintf(j->file, "\"%s\": ", key);
    j->first = false;
}

static void begin(struct json *j, const char *key, char bracket)
{
    next_item(j, key);
    fputc(bracket, j->file);
    j->depth++;
    j->first = true;
}

static void end(struct json *j, char bracket)
{
    j->depth--;
    if (!j->first)
        fprintf(j->file, "\n%*s", 2 * j->depth, "");
    fputc(bracket, j->file);
    j->first = false;
}

static void put_real(struct json *j, const char *key, double value)
{
    char text[TEXT_NUMBER];
    export_real(value, text);
    next_item(j, key);
    fputs(text, j->file);
}

static void put_whole(struct json *j, const char *key, int64_t value)
{
    next_item(j, key);
    fprintf(j->file, "%" PRId64, value);
}

static void put_null(struct json *j, const char *key)
{
    next_item(j, key);
    fputs("null", j->file);
}

/* Nothing is escaped: the only texts are names of folders that this program makes. */
static void put_text(struct json *j, const char *key, const char *text)
{
    next_item(j, key);
    fprintf(j->file, "\"%s\"", text);
}

/* ---- results.json ---- */

/* `stopping_episode` and `per_actor_stopped` as the study means them: the first is the number of
 * episodes when the actors did not stop, and only null in the second shows that. */
static void write_results(struct json *j, const struct settings *cell, const struct record *r)
{
    const int64_t total = *r->total_episodes;
    begin(j, NULL, '{');
    put_real(j, "actor_lr", cell->training.actor_lr);
    put_real(j, "critic_lr", cell->training.critic_lr);
    put_whole(j, "stopping_episode", *r->stopping_episode > 0 ? *r->stopping_episode : total);
    put_whole(j, "total_episodes", total);
    begin(j, "all_rewards", '[');
    for (int64_t e = 0; e < total; e++)
        put_real(j, NULL, r->reward[e]);
    end(j, ']');
    put_real(j, "final_reward", total > 0 ? r->reward[total - 1] : 0);
    begin(j, "per_actor_stopped", '[');
    for (int64_t i = 0; i < cell->environment.agents; i++) {
        if (r->first_still[i] > 0)
            put_whole(j, NULL, r->first_still[i]);
        else
            put_null(j, NULL);
    }
    end(j, ']');
    end(j, '}');
}

/* ---- tracking_data.json ---- */

/* The logs of a run up to its last episode; rows behind it are fill values. */
struct logs {
    const struct settings *cell;
    const struct record *record;
    const double *episodes;
    int64_t count, actors;
};

static void put_layers(struct json *j, const char *key, const double layers[3])
{
    const char *const *const names = record_labels(DIM_LAYER);
    begin(j, key, '{');
    for (int l = 0; l < 3; l++)
        put_real(j, names[l], layers[l]);
    end(j, '}');
}

/* The study has one norm for each layer of all actors together: the root mean square over the
 * actors of their own norms, which are what the file has. */
static void write_gradients(struct json *j, const struct logs *logs)
{
    const struct record *const r = logs->record;
    begin(j, "gradient_history", '[');
    for (int64_t k = 0; k < logs->count; k++) {
        double layers[3] = {0};
        for (int64_t i = 0; i < logs->actors; i++) {
            for (int l = 0; l < 3; l++) {
                const double norm =
                    (double)r->actor_layer_grad_accumulated[(k * logs->actors + i) * 3 + l];
                layers[l] += norm * norm;
            }
        }
        for (int l = 0; l < 3; l++)
            layers[l] = sqrt(layers[l] / (double)logs->actors);
        begin(j, NULL, '{');
        put_whole(j, "episode", (int64_t)logs->episodes[k]);
        put_real(j, "actor_grad", r->actor_grad_accumulated[k]);
        put_real(j, "critic_grad", r->critic_grad_accumulated[k]);
        put_layers(j, "actor_per_layer", layers);
        put_layers(j, "critic_per_layer", &r->critic_layer_grad_accumulated[3 * k]);
        end(j, '}');
    }
    end(j, ']');
}

/* 1e-10: the bound of the study, below which it takes the critic's gradient for 0. */
static void write_asymmetry(struct json *j, const struct logs *logs)
{
    const struct record *const r = logs->record;
    begin(j, "asymmetry_history", '[');
    for (int64_t k = 0; k < logs->count; k++) {
        const double actor = r->actor_grad_accumulated[k], critic = r->critic_grad_accumulated[k];
        begin(j, NULL, '{');
        put_whole(j, "episode", (int64_t)logs->episodes[k]);
        put_real(j, "ratio", critic > 1e-10 ? actor / critic : INFINITY);
        put_real(j, "actor_grad", actor);
        put_real(j, "critic_grad", critic);
        end(j, '}');
    }
    end(j, ']');
}

static double squashed(const struct settings *cell, double z)
{
    const struct squash squash = squash_of(cell);
    const float x = (float)z;
    float y;
    /* The C library's, as these files have always had it: it knows no cliff of another program. */
    if (squash.kind == SQUASH_TANH)
        return (double)tanhf(x);
    squash_outputs(&squash, kernels_best(), 1, &x, &y);
    return (double)y;
}

/* A squash rises with its input, so its extremes are those of the extremes of the inputs. Its mean
 * is not that of their mean, and cannot be computed from what is recorded. */
static void write_activations(struct json *j, const struct logs *logs)
{
    const struct record *const r = logs->record;
    begin(j, "activation_history", '[');
    for (int64_t k = 0; k < logs->count; k++) {
        begin(j, NULL, '{');
        put_whole(j, "episode", (int64_t)logs->episodes[k]);
        put_real(j, "mean_preact", r->preactivation_mean[k]);
        put_real(j, "std_preact", r->preactivation_std[k]);
        put_real(j, "min_preact", r->preactivation_min[k]);
        put_real(j, "max_preact", r->preactivation_max[k]);
        put_real(j, "avg_actor_output_saturation", r->saturation[k]);
        begin(j, "actor_activations_sample", '{');
        begin(j, "fc3", '{');
        put_real(j, "min", squashed(logs->cell, r->preactivation_min[k]));
        put_real(j, "max", squashed(logs->cell, r->preactivation_max[k]));
        put_real(j, "mean", (double)NAN); /* of the outputs: not recorded */
        put_real(j, "saturation", r->saturation[k]);
        end(j, '}');
        end(j, '}');
        end(j, '}');
    }
    end(j, ']');
}

static void write_tracking(struct json *j, const struct settings *cell, const struct record *r)
{
    const struct extents extents = record_extents(cell);
    double *const episodes = fault_alloc((size_t)extents.of[DIM_LOG] + 1, sizeof *episodes);
    record_coordinates(cell, DIM_LOG, episodes);
    struct logs logs = {
        .cell = cell, .record = r, .episodes = episodes, .actors = cell->environment.agents};
    while (logs.count < extents.of[DIM_LOG] && episodes[logs.count] <= *r->total_episodes)
        logs.count++;
    begin(j, NULL, '{');
    write_gradients(j, &logs);
    write_asymmetry(j, &logs);
    write_activations(j, &logs);
    end(j, '}');
    free(episodes);
}

/* ---- files ---- */

/* Write one file of a run with `content`, whole or not at all (atomic_file.h). */
static enum status write_file(const char *folder, const char *name, const struct settings *cell,
                              const struct record *record,
                              void (*content)(struct json *, const struct settings *,
                                              const struct record *),
                              struct fault *fault)
{
    struct atomic_file output;
    char *const path = disk_name("%s/%s", folder, name);
    const enum status status = atomic_file_begin(&output, path, fault);
    free(path);
    if (status != STATUS_OK)
        return status;
    content(&(struct json){.file = output.file}, cell, record);
    return atomic_file_end(&output, true, fault);
}

/* Write the folder of a run. A folder that exists is used: an export can write into one that
 * already holds something. */
static enum status export_run(const struct export *e, int64_t run, struct fault *fault)
{
    struct settings cell;
    struct record record;
    char name[128];
    store_cell(e->store, run, &cell);
    const struct extents extents = record_extents(&cell);
    void *const block = fault_alloc(record_size(&extents), 1);
    record_bind(&record, &extents, block);
    export_study_name(e, run, name, sizeof name);
    char *const folder = disk_name("%s/%s", e->folder, name);
    enum status status = store_load(e->store, run, &record, fault);
    if (status == STATUS_OK && mkdir(folder, 0777) != 0 && errno != EEXIST) {
        const int error = errno;
        status = fault_set(fault, disk_status(error), "cannot make the folder %s: %s", folder,
                           strerror(error));
    }
    if (status == STATUS_OK)
        status = write_file(folder, "results.json", &cell, &record, write_results, fault);
    if (status == STATUS_OK)
        status = write_file(folder, "tracking_data.json", &cell, &record, write_tracking, fault);
    free(folder);
    free(block);
    return status;
}

/* The list of runs that have a folder. It is written last: when it exists, so do the folders that
 * it names. */
static enum status write_status(const struct export *e, struct fault *fault)
{
    struct atomic_file output;
    char *const path = disk_name("%s/experiment_status.json", e->folder);
    const enum status status = atomic_file_begin(&output, path, fault);
    free(path);
    if (status != STATUS_OK)
        return status;
    struct json j = {.file = output.file};
    begin(&j, NULL, '{');
    begin(&j, "completed", '[');
    for (int64_t run = 0; run < e->table->runs; run++) {
        char name[128];
        if (!e->chosen[run] || !export_has_rows(e, run))
            continue;
        export_study_name(e, run, name, sizeof name);
        put_text(&j, NULL, name);
    }
    end(&j, ']');
    put_null(&j, "in_progress");
    end(&j, '}');
    return atomic_file_end(&output, true, fault);
}

enum status export_study(const struct export *e, struct fault *fault)
{
    enum status status = STATUS_OK;
    for (int64_t run = 0; run < e->table->runs && status == STATUS_OK; run++) {
        if (e->chosen[run] && export_has_rows(e, run))
            status = export_run(e, run, fault);
    }
    return status == STATUS_OK ? write_status(e, fault) : status;
}
