// SPDX-License-Identifier: MIT
/**
 * The way of HDF5 to the disk while a file is made: its own, but that it gives up when asked to.
 *
 * HDF5 fills a dataset in one call, and of a large one that takes as long as the disk wants. This
 * driver writes what HDF5's plain driver writes, the same bytes at the same places, until a stop is
 * requested (stop.h): from then on it writes nothing and reports success, so that HDF5 comes to its
 * end at once and in order. The file is worthless then, and whoever made it removes it. Local.
 */
#ifndef CCMSWEEP_FILLER_H
#define CCMSWEEP_FILLER_H

#include <ccmsweep/fault.h>
#include <ccmsweep/h5.h>

/** Register the driver, for H5Pset_driver, between h5_listen and h5_deafen. \return negative where
 *  this HDF5 wants other drivers (from 1.13 on) or does not take it: then its own is to be used */
hid_t filler_register(void) MUST_USE;

/** Let go of it, once the file is closed; a negative one is fine. */
void filler_unregister(hid_t driver);

#endif
