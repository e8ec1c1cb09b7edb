/* SPDX-License-Identifier: MIT
 *
 * main.c - what a small firmware does with its heap: tasks get their stacks at the
 * start, messages come and go, and one driver forgets a buffer now and then.
 */
#include <stdio.h>
#include <string.h>

#include "heap.h"

#define STACK_BYTES 2048
#define TASKS 3
#define ROUNDS 40

static void *stacks[TASKS];
static char *forgotten;

static int create_task(int number)
{
    stacks[number] = pvPortMalloc(STACK_BYTES);
    return stacks[number] != NULL;
}

static char *receive(int round)
{
    size_t bytes = 64 + 16 * (size_t)(round % 5);
    char *message = pvPortMalloc(bytes);

    if (message != NULL)
        memset(message, round, bytes);
    return message;
}

/* Every eighth reading stays behind. */
static void read_sensor(int round)
{
    char *reading = pvPortMalloc(96);

    if (round % 8 == 0)
        forgotten = reading;
    else
        vPortFree(reading);
}

/* A log of all messages at once: more than there is. */
static int dump_log(void)
{
    char *log = pvPortMalloc(configTOTAL_HEAP_SIZE);

    vPortFree(log);
    return log != NULL;
}

int main(void)
{
    for (int i = 0; i < TASKS; i++) {
        if (!create_task(i))
            return 1;
    }
    for (int round = 0; round < ROUNDS; round++) {
        char *message = receive(round);

        read_sensor(round);
        vPortFree(message);
    }
    printf("log dumped: %s\n", dump_log() ? "yes" : "no memory");
    printf("%lu of %lu bytes are free, the last forgotten reading is at %p\n",
           (unsigned long)xPortGetFreeHeapSize(), (unsigned long)configTOTAL_HEAP_SIZE, (void *)forgotten);
    return 0;
}
