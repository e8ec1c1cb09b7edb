/* SPDX-License-Identifier: MIT */
#include "arm_stacks.h"

#include <string.h>

int shared_call(int (*function)(void *), void *argument)
{
    return function(argument) + 1;
}

int shared_call_on_array(int (*function)(void *), void *argument, int count)
{
    char room[count];
    int got;

    memset(room, count, sizeof room);
    got = shared_call(function, argument);
    return got + room[count - 1];
}
