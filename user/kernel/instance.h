/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One running flowsplit: its pin directory, lock, programs, maps and arena. The only owner of the
 * skeleton, the pins and the links. */
#ifndef FLOWSPLIT_INSTANCE_H
#define FLOWSPLIT_INSTANCE_H

#include "error.h"
#include "maps.h"
#include "model.h"

#define INSTANCE_PIN_DIR "/sys/fs/bpf/flowsplit"

enum instance_access {
    INSTANCE_READ,   /* shared lock */
    INSTANCE_WRITE,  /* exclusive lock */
    INSTANCE_CREATE, /* exclusive lock; makes the instance if there is none */
};

enum instance_program {
    PROGRAM_XDP_INGRESS,
    PROGRAM_XDP_LEARN,
    PROGRAM_TC_INGRESS,
    PROGRAM_TC_LEARN,
    PROGRAM_TC_STAND_IN,
    PROGRAM_TC_EGRESS,
    PROGRAM_TC_EGRESS_STAND_IN,
    PROGRAM_SOCKETS_LIST,
    PROGRAM_COUNT,
};

/* Open; release with instance_close(). */
struct instance {
    const char *pin_dir; /* the caller's */
    int lock;            /* -1 when there is no instance */
    struct maps maps;
    int programs[PROGRAM_COUNT];
    bool made;      /* by this opening of it */
    uint64_t inode; /* of the directory of its pinned maps: another instance has another */
    /* shared with the data path; NULL when there is no instance */
    void *arena;              /* FS_ARENA_BYTES */
    struct fs_trips *trips;   /* what it has withdrawn */
    struct fs_health *health; /* FS_HEALTH_SLOTS */
    struct fs_event *events;  /* FS_EVENTS */
    struct fs_sweep *sweep;   /* not the data path's */
};

/* Opens the instance pinned at `pin_dir`, waiting for its lock. Returns 0, -ENOENT if there is none
 * (*err says so), -ENOTDIR if `pin_dir` isn't there and not the usual one, or another -errno; *err
 * is set. A state that a killed command left half-made is
 * cleaned up here. */
int instance_open(struct instance *instance, const char *pin_dir, enum instance_access want,
                  struct error *err);

/* As INSTANCE_WRITE if nobody holds the lock, else as INSTANCE_READ; *writable tells. */
int instance_open_opportune(struct instance *instance, const char *pin_dir, bool *writable,
                            struct error *err);

/* Takes the shared lock again after instance_unlock(), without waiting. Returns 0, -EWOULDBLOCK if
 * somebody is writing, -ESTALE if another instance has taken its place, or another -errno; *err is
 * set. */
int instance_relock(struct instance *instance, struct error *err);

/* As INSTANCE_READ, but -ETIMEDOUT if the lock can't be had within `wait_ms`. */
int instance_open_within(struct instance *instance, const char *pin_dir, unsigned wait_ms,
                         struct error *err);

/* Gives the lock back, for who only goes on reading what the kernel writes. */
void instance_unlock(struct instance *instance);

void instance_close(struct instance *instance);

/* Publishes the model if it changed: writes it into free space, stores the one reference, and waits
 * until no packet is being steered by what was before. Returns 0 or -errno with *err set and the
 * old state in force. */
int instance_publish(struct instance *instance, struct model *model, struct error *err);

/* How many packets met each reason since the instance was made. Returns 0 or -errno. */
int instance_reasons(const struct instance *instance, uint64_t counts[FS_REASON_COUNT]);

/* Removes the pins of an instance that nobody needs any more. */
void instance_remove(struct instance *instance);

#endif
