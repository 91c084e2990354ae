// SPDX-License-Identifier: MIT
/* What a user of the installed library writes: a small training, to its end. */
#include <ccmsweep/trainer.h>
#include <stdio.h>

int main(void)
{
    struct settings cell;
    settings_init(&cell);
    cell.environment.agents = 5;
    cell.environment.channels = 2;
    cell.training.batch = 8;
    cell.training.episodes = 12;
    struct fault fault;
    if (settings_check(&cell, NULL, &fault) != STATUS_OK) {
        fprintf(stderr, "%s\n", fault.text);
        return STATUS_INPUT;
    }

    struct trainer *trainer = trainer_new(&cell);
    while (!trainer_done(trainer))
        trainer_advance(trainer, 5);
    const struct record *record = trainer_record(trainer);
    printf("%s after %d episodes, last reward %.17g\n",
           outcome_name((enum outcome)record->outcome[0]), (int)record->total_episodes[0],
           record->reward[record->total_episodes[0] - 1]);
    trainer_free(&trainer);
    return 0;
}
