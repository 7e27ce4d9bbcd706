/** As much of Khronos' validator as the tests use. */
declare module "gltf-validator" {
    /** What it found in a file. Severity 0 is an error, 1 a warning. */
    export interface IReport {
        readonly issues: { readonly messages: readonly { code: string; message: string; severity: number }[] };
        readonly info: { readonly hasMorphTargets: boolean };
    }
    export function validateBytes(bytes: Uint8Array): Promise<IReport>;
}
