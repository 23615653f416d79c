// A pure C header over the C++ and C libraries of radio astronomy: one header a library.
#pragma once
