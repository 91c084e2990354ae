// SPDX-License-Identifier: MIT
/*
 * What the store needs of HDF5 besides datasets: why a call failed, types, attributes, and how
 * files are accessed. The first is most of it. HDF5 describes a failure in a stack of English
 * sentences, one per level, in which the error number of the system is part of a text. It is read
 * from there, because the exit code depends on whether the system failed or the file is wrong.
 */
#include "base/text.h"
#include "store/h5_internal.h"
#include "sys/disk.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is behind the last occurrence of `mark`, NULL when there is none. The last one, because the
 * name of a file, which may contain anything, is before it. */
static const char *find_last(const char *text, const char *mark)
{
    const char *found = NULL;
    for (const char *at = text; (at = strstr(at, mark)) != NULL; at += strlen(mark))
        found = at;
    return found != NULL ? found + strlen(mark) : NULL;
}

/* Whether the failure is one of the system and not of the file's content. Failures of system calls
 * have an errno in their text; those of MPI and of memory have codes of their own. */
static bool is_of_system(const H5E_error2_t *error, int number)
{
    return number != 0 || error->min_num == H5E_MPI || error->min_num == H5E_MPIERRSTR ||
           (error->maj_num == H5E_RESOURCE && error->min_num == H5E_NOSPACE);
}

/* Called for each level of the stack, innermost first (row 0), which is where the failure arose:
 * its words are kept. The errno may be in the words of a level further out. When lstat() of the
 * file fails, HDF5 does not report the errno: it is still in `errno`, since this runs at once. */
static herr_t keep_innermost(unsigned row, const H5E_error2_t *error, void *data)
{
    struct h5_words *words = data;
    if (row == 0 && strstr(error->desc, "stat info") != NULL && errno != 0) {
        words->system = true;
        words->error = errno;
        text_add(words->text, sizeof words->text, "%s", strerror(errno));
        return 0;
    }
    const char *const number = find_last(error->desc, "errno = ");
    const char *const message = find_last(error->desc, "error message = '");
    const int code = number != NULL && message != NULL ? (int)strtol(number, NULL, 10) : 0;
    words->system = words->system || is_of_system(error, code);
    if (words->error == 0)
        words->error = code;
    if (row != 0)
        return 0;
    const char *text = message != NULL ? message : error->desc;
    const int length = (int)(message != NULL ? strcspn(text, "'") : strlen(text));
    words->text[0] = '\0';
    text_add(words->text, sizeof words->text, "%.*s", length, text);
    return 0;
}

/* HDF5 calls this when a call fails, before it clears the stack. Only the first failure counts:
 * what fails afterwards is usually a consequence. */
static herr_t keep_words(hid_t stack, void *data)
{
    struct h5_words *words = data;
    if (words->text[0] == '\0')
        H5Ewalk2(stack, H5E_WALK_UPWARD, keep_innermost, words);
    return 0;
}

/* Must run before the first call of HDF5 that opens anything: HDF5 reads the variable when it
 * starts. Its locks would keep readers out, while ours (lock.h) keep other writers out. At its end,
 * HDF5 would write what it still holds, and crash on a file that it could not write; H5dont_atexit
 * fails when it is called a second time. */
static void set_up(void)
{
    static bool done;
    if (done)
        return;
    setenv("HDF5_USE_FILE_LOCKING", "FALSE", 1);
    H5dont_atexit();
    done = true;
}

void h5_listen(struct h5_words *words)
{
    set_up();
    *words = (struct h5_words){.error = 0};
    H5Eset_auto2(H5E_DEFAULT, keep_words, words);
}

void h5_deafen(void)
{
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

enum status h5_fault_list(struct fault *fault, enum status status, const struct h5_words *words,
                          const char *format, va_list args)
{
    if (fault == NULL)
        return status;
    struct fault sentence = {""};
    text_add_list(sentence.text, sizeof sentence.text, format, args);
    return fault_set(fault, status, "%s: %s", sentence.text,
                     words->text[0] != '\0' ? words->text : "HDF5 does not say why");
}

enum status h5_fault(struct fault *fault, enum status status, const struct h5_words *words,
                     const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)h5_fault_list(fault, status, words, format, args);
    va_end(args);
    return status;
}

enum status h5_status(const struct h5_words *words)
{
    if (words->error != 0)
        return disk_status(words->error);
    return words->system ? STATUS_FAULT : STATUS_INPUT;
}

/* Little-endian types are those of memory (store_create.c refuses any other machine). A text has
 * fixed length: variable length would be stored in a heap, which is metadata that grows. */
hid_t h5_type(enum schema_type type, size_t size)
{
    switch (type) {
    case SCHEMA_F64:
        return H5Tcopy(H5T_IEEE_F64LE);
    case SCHEMA_F32:
        return H5Tcopy(H5T_IEEE_F32LE);
    case SCHEMA_I64:
        return H5Tcopy(H5T_STD_I64LE);
    case SCHEMA_I32:
        return H5Tcopy(H5T_STD_I32LE);
    case SCHEMA_U8:
        return H5Tcopy(H5T_STD_U8LE);
    case SCHEMA_TEXT:
        break;
    }
    const hid_t text = H5Tcopy(H5T_C_S1);
    if (text < 0 || H5Tset_size(text, size) < 0 || H5Tset_strpad(text, H5T_STR_NULLPAD) < 0 ||
        H5Tset_cset(text, H5T_CSET_UTF8) < 0) {
        H5Tclose(text);
        return H5I_INVALID_HID;
    }
    return text;
}

static bool write_attribute(hid_t object, const char *name, hid_t type, hid_t space,
                            const void *values)
{
    const hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    const bool written = attribute >= 0 && H5Awrite(attribute, type, values) >= 0;
    const bool closed = attribute >= 0 && H5Aclose(attribute) >= 0;
    return written && closed;
}

bool h5_write_text(hid_t object, const char *name, const char *text)
{
    const size_t length = strlen(text);
    const hid_t type = h5_type(SCHEMA_TEXT, length > 0 ? length : 1);
    const hid_t space = H5Screate(H5S_SCALAR);
    const bool written =
        type >= 0 && space >= 0 && write_attribute(object, name, type, space, text);
    H5Sclose(space);
    H5Tclose(type);
    return written;
}

bool h5_write_integers(hid_t object, const char *name, const int32_t *values, size_t count)
{
    const hsize_t extent = count;
    const hid_t space = count > 0 ? H5Screate_simple(1, &extent, NULL) : H5Screate(H5S_SCALAR);
    const bool written = space >= 0 && write_attribute(object, name, H5T_STD_I32LE, space, values);
    H5Sclose(space);
    return written;
}

/* Reads an attribute of one value of that class, whatever room its own type would take. */
static bool read_attribute(hid_t object, const char *name, H5T_class_t class, hid_t type,
                           void *value)
{
    if (H5Aexists(object, name) <= 0)
        return false;
    const hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    const hid_t space = attribute < 0 ? H5I_INVALID_HID : H5Aget_space(attribute);
    const hid_t own = attribute < 0 ? H5I_INVALID_HID : H5Aget_type(attribute);
    const bool is_text = class == H5T_STRING;
    const bool read = space >= 0 && own >= 0 && H5Tget_class(own) == class &&
                      (!is_text || H5Tis_variable_str(own) == 0) &&
                      H5Sget_simple_extent_npoints(space) == 1 &&
                      H5Aread(attribute, type, value) >= 0;
    if (own >= 0)
        H5Tclose(own);
    if (space >= 0)
        H5Sclose(space);
    if (attribute >= 0)
        H5Aclose(attribute);
    return read;
}

bool h5_read_integer(hid_t object, const char *name, int64_t *value)
{
    return read_attribute(object, name, H5T_INTEGER, H5T_NATIVE_INT64, value);
}

bool h5_read_text(hid_t object, const char *name, char *text, size_t size)
{
    const hid_t type = h5_type(SCHEMA_TEXT, size);
    const bool read = type >= 0 && read_attribute(object, name, H5T_STRING, type, text);
    if (type >= 0)
        H5Tclose(type);
    text[size - 1] = '\0';
    return read;
}

/* EARLIEST to V18 gives superblock 0. A newer one has a mark for "open for writing", which a killed
 * writer leaves in the file and which then makes readers refuse it; all of 39 files that were
 * killed in this way needed a repair. Without the sieve buffer, H5Dwrite hands rows to the system
 * at once: rows in a buffer of HDF5 would not be covered by the fsync on the store's own
 * descriptor. */
hid_t h5_access(void)
{
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    /* Closing a file closes all that is open in it; locks would only get in readers' way. */
    if (access >= 0 && H5Pset_libver_bounds(access, H5F_LIBVER_EARLIEST, H5F_LIBVER_V18) >= 0 &&
        H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0 &&
        H5Pset_sieve_buf_size(access, 0) >= 0 && H5Pset_file_locking(access, false, true) >= 0)
        return access;
    H5Pclose(access);
    return H5I_INVALID_HID;
}
