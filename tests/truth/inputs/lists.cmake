# SPDX-License-Identifier: MIT
foreach(i RANGE 2000)
    string(REGEX REPLACE "([0-9])([0-9])" "<\\2\\1>" word "word ${i} of many")
    list(APPEND words "${word}")
endforeach()
list(SORT words)
list(REMOVE_DUPLICATES words)
list(LENGTH words count)
message(STATUS "${count}")
