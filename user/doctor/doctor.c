// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Runs the checks, and what several of them need. */
#include "doctor.h"

#include <bpf/bpf.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOCK_WAIT_MS = 1000 };

/* The lock is given back: a check may wait for others' answers. */
static void open_instance(struct patient *patient, struct instance *instance)
{
    struct model *model;

    patient->why_none =
        instance_open_within(instance, patient->pin_dir, LOCK_WAIT_MS, &patient->words);
    if (patient->why_none)
        return;
    model = model_read(instance->arena, instance->trips, &patient->words);
    for (uint32_t i = 0; model && i < model->service_count; i++)
        model_draft(model, i);
    instance_unlock(instance);
    if (!model) {
        patient->why_none = -ENOMEM;
        instance_close(instance);
        return;
    }
    patient->instance = instance;
    patient->model = model;
}

void doctor_examine(struct report *report, const char *pin_dir)
{
    struct patient patient = {.pin_dir = pin_dir};
    struct instance instance;

    open_instance(&patient, &instance);
#define RUN(name) check_##name(report, &patient);
    DOCTOR_CHECKS(RUN)
#undef RUN
    if (patient.instance) {
        model_free((struct model *)patient.model);
        instance_close(&instance);
    }
}

const char *doctor_read(char *buf, size_t size, const char *path)
{
    FILE *file = fopen(path, "re");
    size_t length;

    if (!file)
        return NULL;
    length = fread(buf, 1, size - 1, file);
    fclose(file);
    while (length && isspace((unsigned char)buf[length - 1]))
        length--;
    buf[length] = '\0';
    return buf;
}

int doctor_number(const char *format, ...)
{
    char path[256], text[32];
    va_list args;

    va_start(args, format);
    vsnprintf(path, sizeof(path), format, args);
    va_end(args);
    return doctor_read(text, sizeof(text), path) && isdigit((unsigned char)*text) ? atoi(text) : -1;
}

const char *doctor_program(uint32_t id, char *buf)
{
    struct bpf_prog_info info = {0};
    uint32_t bytes = sizeof(info);
    int fd = bpf_prog_get_fd_by_id(id);

    snprintf(buf, 64, "program %u", id);
    if (fd < 0)
        return buf;
    if (bpf_obj_get_info_by_fd(fd, &info, &bytes) == 0 && *info.name)
        snprintf(buf, 64, "%s (program %u)", info.name, id);
    close(fd);
    return buf;
}
