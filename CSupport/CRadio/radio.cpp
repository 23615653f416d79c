#include "CRadio.h"
