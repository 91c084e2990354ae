// SPDX-License-Identifier: MIT
/**
 * The commit record: 64 bytes that say a run's rows are on the disk, and prove it.
 *
 * Layout, little-endian:
 *
 *     offset size
 *          0    4  magic "CCMC"
 *          4    4  format, 1
 *          8    4  outcome of the run
 *         12    4  algorithm version
 *         16    8  run
 *         24   16  first half of the SHA-256 of the run's rows: all fields in the order of
 *                  RECORD_FIELDS, each of the run's own extents, packed
 *         40   16  first half of the identity of the run's cell
 *         56    8  first bytes of the SHA-256 of bytes 0 to 55
 *
 * It lies within one disk sector wherever the dataset is aligned. A record of zeros is "not yet"; a
 * torn one fails its checksum; both mean that the run is to be done. Only bytes here: the file is
 * the store's.
 */
#ifndef CCMSWEEP_COMMIT_H
#define CCMSWEEP_COMMIT_H

#include "spec/identity.h"
#include <ccmsweep/fault.h>
#include <ccmsweep/record.h>
#include <stdbool.h>
#include <stdint.h>

enum { COMMIT_SIZE = 64, COMMIT_FORMAT = 1, COMMIT_HALF = 16 };

struct commit {
    int64_t run;
    enum outcome outcome;
    uint32_t algorithm_version;
    uint8_t rows[COMMIT_HALF];     /**< of the rows' hash */
    uint8_t identity[COMMIT_HALF]; /**< of the cell's */
};

/** Write the record. */
void commit_pack(const struct commit *commit, uint8_t bytes[COMMIT_SIZE]);

/** Read a record. \return false when its magic, format or checksum is wrong; `*commit` is
 *  then unchanged */
bool commit_unpack(struct commit *commit, const uint8_t bytes[COMMIT_SIZE]) MUST_USE;

/** True when the bytes are a valid record of run `run` and of this algorithm version, for the cell
 *  of this identity: then and only then the run is done. `*commit` may be NULL. */
bool commit_holds(struct commit *commit, const uint8_t bytes[COMMIT_SIZE], int64_t run,
                  uint32_t algorithm_version, const struct identity *identity) MUST_USE;

/** First half of the SHA-256 of a run's rows, as the layout says. \param extents the run's own */
void commit_hash_rows(const struct record *record, const struct extents *extents,
                      uint8_t half[COMMIT_HALF]);

#endif
