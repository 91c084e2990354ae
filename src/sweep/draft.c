// SPDX-License-Identifier: MIT
#include <ccmsweep/disk.h>
#include <ccmsweep/draft.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void forget(struct draft *draft)
{
    free(draft->path);
    free(draft->temporary);
    *draft = (struct draft){.file = NULL};
}

enum status draft_begin(struct draft *draft, const char *folder, const char *name,
                        struct fault *fault)
{
    int fd = -1;
    *draft = (struct draft){.path = disk_name("%s/%s", folder, name)};
    draft->temporary = disk_temporary(draft->path);
    const enum status status = disk_create(draft->temporary, &fd, fault);
    if (status != STATUS_OK) {
        forget(draft);
        return status;
    }
    draft->file = fdopen(fd, "w");
    if (draft->file == NULL)
        fault_no_memory(BUFSIZ);
    return STATUS_OK;
}

enum status draft_end(struct draft *draft, bool good, struct fault *fault)
{
    enum status status = STATUS_OK;
    if (draft->file == NULL)
        return STATUS_OK;
    if (good && (fflush(draft->file) != 0 || ferror(draft->file)))
        status =
            fault_set(fault, STATUS_FAULT, "cannot write %s: %s", draft->path, strerror(errno));
    if (good && status == STATUS_OK)
        status = disk_sync(fileno(draft->file), draft->path, fault);
    fclose(draft->file);
    if (good && status == STATUS_OK)
        status = disk_rename(draft->temporary, draft->path, fault);
    if (!good || status != STATUS_OK)
        unlink(draft->temporary);
    forget(draft);
    return status;
}
