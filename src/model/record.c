// SPDX-License-Identifier: MIT
/* The table of a record's fields, and what follows from it: sizes, places, names and fill values.
 * Everything loops over the table, so that a field that is added to RECORD_FIELDS is allocated,
 * cleared, saved, checked and stored without another line. */
#include <ccmsweep/fault.h>
#include <ccmsweep/record.h>
#include <math.h>
#include <string.h>

/* The type of a field is taken from its C type, so the two cannot disagree. */
#define TYPE_OF(type)                                                                              \
    _Generic((type){0}, double                                                                     \
             : FIELD_F64, float                                                                    \
             : FIELD_F32, int32_t                                                                  \
             : FIELD_I32, uint8_t                                                                  \
             : FIELD_U8)

static const struct field fields[] = {
#define X(name, type, unit, d1, d2, d3, meaning)                                                   \
    {#name, TYPE_OF(type), unit, {d1, d2, d3}, meaning, offsetof(struct record, name), DIM_NONE},
    RECORD_FIELDS(X)
#undef X
#define X(name, type, unit, only, meaning)                                                         \
    {#name,   TYPE_OF(type),                                                                       \
     unit,    {DIM_LOG, (only) == DIM_INPUT ? DIM_INPUT : DIM_NONE, DIM_NONE},                     \
     meaning, offsetof(struct record, name),                                                       \
     only},
        RECORD_OPTIONAL_FIELDS(X)
#undef X
};

enum { FIELDS = sizeof fields / sizeof fields[0], INPUTS = 7 };

const struct field *record_fields(size_t *count)
{
    *count = FIELDS;
    return fields;
}

const struct field *record_field(const char *name)
{
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (strcmp(fields[i].name, name) == 0)
            return &fields[i];
    }
    CHECK(false && "no such field");
    return NULL;
}

/* Fixed by the settings, not by how far a training comes: runs of a cell are rows of one dataset,
 * and a training allocates nothing later. What is not reached keeps its fill. */
struct extents record_extents(const struct settings *cell)
{
    const int64_t episodes = cell->training.episodes;
    const int64_t agents = cell->environment.agents;
    const int64_t snapshot = cell->tracking.snapshot_every;
    const int64_t evaluation = cell->evaluation.every;
    const bool running = cell->networks.input_norm == INPUT_NORM_RUNNING;
    return (struct extents){
        .of = {
            [DIM_NONE] = 1,
            [DIM_EPISODE] = episodes,
            [DIM_LOG] = episodes / cell->tracking.log_every,
            [DIM_SNAPSHOT] = snapshot > 0 ? episodes / snapshot : 0,
            [DIM_EVALUATION] = evaluation > 0 ? episodes / evaluation : 0,
            [DIM_ACTOR] = agents,
            [DIM_ACTOR_BYTE] = (agents + 7) / 8,
            [DIM_ACTION] = 3,
            [DIM_LAYER] = 3,
            [DIM_HIDDEN] = 2,
            [DIM_BIN] = RECORD_BINS,
            [DIM_DETECTION] = DETECTION_COUNT,
            [DIM_INPUT] = running ? INPUTS : 0,
            [DIM_CLIPPING_ACTORS] = !isnan(cell->training.clip_actor),
            [DIM_CLIPPING_CRITIC] = !isnan(cell->training.clip_critic),
            [DIM_OUTPUT_NORM] = cell->networks.actor_norm == ACTOR_NORM_OUTPUT,
            [DIM_HIDDEN_NORM] = cell->networks.actor_norm == ACTOR_NORM_HIDDEN,
            [DIM_CRITIC_NORM] = cell->networks.critic_norm == CRITIC_NORM_HIDDEN,
        }};
}

const char *record_dimension(enum dimension dim)
{
    static const char *const names[DIM_COUNT] = {
        [DIM_NONE] = "",
        [DIM_EPISODE] = "episode",
        [DIM_LOG] = "log",
        [DIM_SNAPSHOT] = "snapshot",
        [DIM_EVALUATION] = "evaluation",
        [DIM_ACTOR] = "actor",
        [DIM_ACTOR_BYTE] = "actor_byte",
        [DIM_ACTION] = "action",
        [DIM_LAYER] = "layer",
        [DIM_HIDDEN] = "hidden",
        [DIM_BIN] = "bin",
        [DIM_DETECTION] = "detection",
        [DIM_INPUT] = "input",
        [DIM_CLIPPING_ACTORS] = "",
        [DIM_CLIPPING_CRITIC] = "",
        [DIM_OUTPUT_NORM] = "",
        [DIM_HIDDEN_NORM] = "",
        [DIM_CRITIC_NORM] = "",
    };
    return names[dim];
}

int64_t record_count(const struct field *field, const struct extents *extents)
{
    if (extents->of[field->only] == 0)
        return 0;
    return extents->of[field->dims[0]] * extents->of[field->dims[1]] * extents->of[field->dims[2]];
}

size_t record_value_size(const struct field *field)
{
    static const size_t sizes[] = {
        [FIELD_F64] = sizeof(double),
        [FIELD_F32] = sizeof(float),
        [FIELD_I32] = sizeof(int32_t),
        [FIELD_U8] = sizeof(uint8_t),
    };
    return sizes[field->type];
}

/* Each field begins on a multiple of 8 bytes, so that any of them can hold doubles. */
static size_t padded_size(const struct field *field, const struct extents *extents)
{
    return ((size_t)record_count(field, extents) * record_value_size(field) + 7) / 8 * 8;
}

size_t record_size(const struct extents *extents)
{
    size_t size = 0;
    for (int f = 0; f < FIELDS; f++)
        size += padded_size(&fields[f], extents);
    return size;
}

void record_bind(struct record *r, const struct extents *extents, void *block)
{
    char *at = block;
    for (int f = 0; f < FIELDS; f++) {
        /* memcpy, since a pointer to double must not be written through a pointer to void *. */
        void *array = record_count(&fields[f], extents) > 0 ? at : NULL;
        memcpy((char *)r + fields[f].offset, &array, sizeof array);
        at += padded_size(&fields[f], extents);
    }
}

/* What "not written" looks like: a value that no training writes, except for bytes, which have none
 * to spare. The file has the same fill, so readers see there what was not reached. */
static void fill(const struct field *field, void *array, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        switch (field->type) {
        case FIELD_F64:
            ((double *)array)[i] = NAN;
            break;
        case FIELD_F32:
            ((float *)array)[i] = NAN;
            break;
        case FIELD_I32:
            ((int32_t *)array)[i] = -1;
            break;
        case FIELD_U8:
            ((uint8_t *)array)[i] = 0;
            break;
        }
    }
}

void record_clear(struct record *r, const struct extents *extents)
{
    for (int f = 0; f < FIELDS; f++) {
        void *array;
        memcpy(&array, (const char *)r + fields[f].offset, sizeof array);
        fill(&fields[f], array, record_count(&fields[f], extents));
    }
    *r->outcome = OUTCOME_PENDING;
}

/* Only first dimensions grow with the limit of episodes, so what a field has is the beginning of
 * what it has then. */
void record_widen(const struct record *from, const struct extents *narrow, struct record *to,
                  const struct extents *wide)
{
    record_clear(to, wide);
    for (int f = 0; f < FIELDS; f++) {
        const int64_t count = record_count(&fields[f], narrow);
        const void *read = NULL;
        void *written = NULL;
        memcpy(&read, (const char *)from + fields[f].offset, sizeof read);
        memcpy(&written, (const char *)to + fields[f].offset, sizeof written);
        CHECK(count <= record_count(&fields[f], wide));
        if (count > 0)
            memcpy(written, read, (size_t)count * record_value_size(&fields[f]));
    }
}

void record_bin_edges(double edges[RECORD_BINS])
{
    /* Logarithmic on both sides of 0, from 10^-2 to 10^5: pre-activations grow by orders of
     * magnitude as an actor saturates. */
    enum { ZERO = RECORD_POSITIVE_EDGES + 1 };
    edges[0] = -INFINITY;
    edges[ZERO] = 0.0;
    for (int k = 0; k < RECORD_POSITIVE_EDGES; k++) {
        const double edge = pow(10.0, k / 4.0 - 2.0);
        edges[ZERO + 1 + k] = edge;
        edges[ZERO - 1 - k] = -edge;
    }
}

void record_coordinates(const struct settings *cell, enum dimension dim, double *values)
{
    if (dim == DIM_BIN) {
        record_bin_edges(values);
        return;
    }
    const int64_t every = dim == DIM_LOG          ? cell->tracking.log_every
                          : dim == DIM_SNAPSHOT   ? cell->tracking.snapshot_every
                          : dim == DIM_EVALUATION ? cell->evaluation.every
                                                  : 1;
    /* Episodes count from 1 and logs fall on multiples; actors count from 0. */
    const int64_t first = dim == DIM_ACTOR || dim == DIM_ACTOR_BYTE ? 0 : every;
    const struct extents extents = record_extents(cell);
    for (int64_t i = 0; i < extents.of[dim]; i++)
        values[i] = (double)(first + i * every);
}

const char *const *record_labels(enum dimension dim)
{
    static const char *const action[] = {"offload", "compute", "transmit", NULL};
    static const char *const layer[] = {"fc1", "fc2", "fc3", NULL};
    static const char *const hidden[] = {"h1", "h2", NULL};
    static const char *const detection[] = {"saturated", "vanished", "asymmetry", NULL};
    static const char *const input[INPUTS + 1] = {"power",  "gain",     "energy",  "size",
                                                  "cycles", "deadline", "resource"};
    switch (dim) {
    case DIM_ACTION:
        return action;
    case DIM_LAYER:
        return layer;
    case DIM_HIDDEN:
        return hidden;
    case DIM_DETECTION:
        return detection;
    case DIM_INPUT:
        return input;
    default:
        return NULL;
    }
}

const char *outcome_name(enum outcome outcome)
{
    static const char *const names[OUTCOME_COUNT] = {
        "pending", "stopped", "censored", "diverged", "failed", "quarantined", "interrupted",
    };
    return names[outcome];
}

bool outcome_is_final(int32_t outcome)
{
    return outcome >= OUTCOME_STOPPED && outcome <= OUTCOME_QUARANTINED;
}

const char *cause_name(enum cause cause)
{
    static const char *const names[CAUSE_COUNT] = {
        "none", "nan", "critic_dead", "tanh_hard", "actor_dead", "mixed",
    };
    return names[cause];
}
