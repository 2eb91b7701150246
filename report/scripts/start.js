/* What makes the page interactive; all of it reads without. */
"use strict";

document.documentElement.classList.add("scripted");
startTheme();
startPrinting();
startRuns();
startTables();
startFigures();
startExplorers();
startCited();
startRail();
if (typeof startBook === "function") startBook(); // of the scripts that a book brings
