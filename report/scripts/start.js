/* What makes the page interactive; all of it reads without. */
"use strict";

startTheme();
startTables();
startExplorers();
startCalculator();
