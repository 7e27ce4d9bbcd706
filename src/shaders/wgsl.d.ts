/** A .wgsl file is imported as its text (webpack `asset/source`). */
declare module "*.wgsl" {
    const source: string;
    export default source;
}
