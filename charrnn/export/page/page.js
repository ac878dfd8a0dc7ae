// The page: what people see and do.

"use strict";
