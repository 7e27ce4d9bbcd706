/**
 * A worker's script, with all that it imports, as text. webpack.config.js and scripts/buildLib.mjs know this kind of
 * import.
 */
declare module "*.ts?text" {
    const source: string;
    export default source;
}
