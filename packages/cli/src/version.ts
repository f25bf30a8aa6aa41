/** Of the command line, and of the daemons that it starts. */
export const VERSION = "0.1.0";
