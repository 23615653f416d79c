#pragma once
#include <wcslib/wcs.h>
