// SPDX-License-Identifier: MIT
/*
 * The bytes of the commit record. They are put together one by one and not written as a struct: the
 * layout must not depend on the compiler, and a program in another language can verify it.
 */
#include "store/commit.h"
#include "base/bytes.h"
#include <nettle/sha2.h>
#include <string.h>

static const uint8_t magic[4] = {'C', 'C', 'M', 'C'};

/* Offsets, as the header documents them. */
enum {
    AT_FORMAT = 4,
    AT_OUTCOME = 8,
    AT_VERSION = 12,
    AT_RUN = 16,
    AT_ROWS = 24,
    AT_IDENTITY = 40
};
enum { AT_CHECKSUM = 56, CHECKSUM_SIZE = 8 };

/* Eight bytes of SHA-256 guard against torn and changed records, not against an attacker. */
static void checksum(const uint8_t *bytes, uint8_t sum[CHECKSUM_SIZE])
{
    struct sha256_ctx hash;
    sha256_init(&hash);
    sha256_update(&hash, AT_CHECKSUM, bytes);
    sha256_digest(&hash, CHECKSUM_SIZE, sum);
}

void commit_pack(const struct commit *commit, uint8_t bytes[COMMIT_SIZE])
{
    memcpy(bytes, magic, sizeof magic);
    bytes_put(bytes + AT_FORMAT, COMMIT_FORMAT, 4);
    bytes_put(bytes + AT_OUTCOME, (uint64_t)commit->outcome, 4);
    bytes_put(bytes + AT_VERSION, commit->algorithm_version, 4);
    bytes_put(bytes + AT_RUN, (uint64_t)commit->run, 8);
    memcpy(bytes + AT_ROWS, commit->rows, COMMIT_HALF);
    memcpy(bytes + AT_IDENTITY, commit->identity, COMMIT_HALF);
    checksum(bytes, bytes + AT_CHECKSUM);
}

bool commit_unpack(struct commit *commit, const uint8_t bytes[COMMIT_SIZE])
{
    /* The magic first: most records of a new file are zeros, which need no hashing. */
    if (memcmp(bytes, magic, sizeof magic) != 0 || bytes_get(bytes + AT_FORMAT, 4) != COMMIT_FORMAT)
        return false;
    uint8_t sum[CHECKSUM_SIZE];
    checksum(bytes, sum);
    if (memcmp(bytes + AT_CHECKSUM, sum, CHECKSUM_SIZE) != 0)
        return false;
    commit->run = (int64_t)bytes_get(bytes + AT_RUN, 8);
    commit->outcome = (enum outcome)bytes_get(bytes + AT_OUTCOME, 4);
    commit->algorithm_version = (uint32_t)bytes_get(bytes + AT_VERSION, 4);
    memcpy(commit->rows, bytes + AT_ROWS, COMMIT_HALF);
    memcpy(commit->identity, bytes + AT_IDENTITY, COMMIT_HALF);
    return true;
}

bool commit_holds(struct commit *commit, const uint8_t bytes[COMMIT_SIZE], int64_t run,
                  uint32_t algorithm_version, const struct identity *identity)
{
    struct commit read;
    /* A record that is valid in itself may be that of another run or cell: copied rows, or a file
     * whose settings were changed. */
    if (!commit_unpack(&read, bytes) || read.run != run ||
        read.algorithm_version != algorithm_version ||
        memcmp(read.identity, identity->bytes, COMMIT_HALF) != 0)
        return false;
    if (commit != NULL)
        *commit = read;
    return true;
}

/* Only the run's own extents are hashed, field by field in the order of the table. So the hash does
 * not depend on how wide the file is, and a run that is copied to another file keeps it. */
void commit_hash_rows(const struct record *record, const struct extents *extents,
                      uint8_t half[COMMIT_HALF])
{
    size_t count = 0;
    const struct field *fields = record_fields(&count);
    struct sha256_ctx hash;
    sha256_init(&hash);
    for (size_t f = 0; f < count; f++) {
        const uint8_t *values = NULL;
        memcpy(&values, (const char *)record + fields[f].offset, sizeof values);
        const size_t size =
            (size_t)record_count(&fields[f], extents) * record_value_size(&fields[f]);
        if (size > 0)
            sha256_update(&hash, size, values);
    }
    sha256_digest(&hash, COMMIT_HALF, half);
}
