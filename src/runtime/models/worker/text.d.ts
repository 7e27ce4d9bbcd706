/** A compiled script as its text: nothing but types may be imported in it. webpack and scripts/buildLib.mjs know this kind of import. */
declare module "*.ts?text" {
    const source: string;
    export default source;
}
