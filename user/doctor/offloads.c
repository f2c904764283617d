#include "doctor.h"
void check_offloads(struct report *report, const struct patient *patient)
{
    (void)report;
    (void)patient;
}
