// The peers are plain JavaScript, because their packages (and so their types) are only there once the bench installed
// them.
declare module "*.mjs";
