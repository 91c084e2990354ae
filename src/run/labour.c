// SPDX-License-Identifier: MIT
#include "run/labour.h"

enum status labour_begin(struct labour *l, int64_t cell, struct fault *fault)
{
    struct settings settings;
    CHECK(l->trainer == NULL);
    store_cell(l->worker.store, cell, &settings);
    const enum status status = worker_claim(&l->worker, cell, fault);
    if (status != STATUS_OK)
        return status;
    l->trainer = trainer_new(&settings);
    return worker_begin(&l->worker, l->trainer, fault);
}

bool labour_goes_on(const struct labour *l)
{
    return !trainer_done(l->trainer);
}

enum status labour_episode(struct labour *l, bool *trusted, struct fault *fault)
{
    const bool suspect = l->worker.suspect;
    const enum status status = worker_episode(&l->worker, fault);
    *trusted = suspect && !l->worker.suspect;
    return status;
}

enum status labour_end(struct labour *l, struct message *said, struct fault *fault)
{
    const struct record *const record = trainer_record(l->trainer);
    const bool done = trainer_done(l->trainer);
    *said = (struct message){.type = done ? MESSAGE_DONE : MESSAGE_STOPPED,
                             .cell = l->worker.run,
                             .outcome = *record->outcome,
                             .stopping = *record->stopping_episode};
    const enum status status =
        done ? worker_commit(&l->worker, &said->seconds, fault) : worker_stop(&l->worker, fault);
    trainer_free(&l->trainer);
    return status;
}

void labour_fini(struct labour *l)
{
    trainer_free(&l->trainer);
}
