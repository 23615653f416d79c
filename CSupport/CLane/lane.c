/* Everything is inline in the headers, so that Swift and the harnesses compile the same code. */
#include "CLane.h"
