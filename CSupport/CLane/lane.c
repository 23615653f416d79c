#include "CLane.h"
