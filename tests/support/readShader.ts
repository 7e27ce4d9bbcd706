/** What a shader declares, read by wgsl_reflect. */
import { WgslParser, WgslReflect, type Const, type Override, type StructInfo } from "wgsl_reflect";

declare const require: {
    context(folder: string, deep: boolean, pattern: RegExp): { keys(): string[]; (key: string): string };
};

/** Text of every shader, by its path in src/shaders. */
export const ShaderTexts: Readonly<Record<string, string>> = (() => {
    const files = require.context("../../src/shaders", true, /\.wgsl$/);
    return Object.fromEntries(files.keys().map((key) => [key.replace("./", ""), files(key)]));
})();

/** A `const` or an `override`. */
export interface IShaderConstant {
    readonly name: string;
    readonly isOverride: boolean;
    /** As WGSL writes it: "u32", "f32", "bool". */
    readonly type: string;
    /**
     * As the device has it: an f32 in single precision, a bool as 0 or 1. `undefined` for an override without a
     * default.
     */
    readonly value: number | undefined;
}

/** What one file declares itself: what it imports is read, and not listed. */
export interface IShader {
    readonly constants: readonly IShaderConstant[];
    /** With sizes and offsets as WGSL's rules give them. */
    readonly structs: readonly StructInfo[];
    /** Of its compute entry point, or null. */
    readonly workgroupSize: readonly number[] | null;
}

/**
 * @param file path in src/shaders
 * @param front text that TypeScript puts in front of it
 */
export function ReadShader(file: string, front = ""): IShader {
    const whole = new WgslReflect(Known(`${front}\n${WithImports(file)}`));
    const own = new WgslParser().parse(Known(ShaderTexts[file].replace(/^#import.*$/gm, "")));
    const constants = own
        .filter((node): node is Const | Override => node.astNodeType === "const" || node.astNodeType === "override")
        .map(({ name, type, astNodeType }) => ({
            name,
            isOverride: astNodeType === "override",
            type: type?.name ?? "",
            value: whole._constValues.get(name),
        }));
    const names = new Set(
        own.filter((node) => node.astNodeType === "struct").map((node) => (node as unknown as { name: string }).name),
    );
    return {
        constants,
        structs: whole.structs.filter(({ name }) => names.has(name)),
        workgroupSize: whole.entry.compute[0]?.workgroupSize ?? null,
    };
}

/**
 * A struct's fields as a shader reads them from these bytes: a number, or the numbers of a vector or matrix. @param at
 * byte where it begins
 */
export function ReadStruct({ members }: StructInfo, bytes: ArrayBuffer, at = 0): Record<string, number | number[]> {
    const view = new DataView(bytes);
    return Object.fromEntries(
        members.map(({ name, type, offset, size }) => {
            const kind = type.getTypeName();
            const read = (i: number): number =>
                kind === "u32" ? view.getUint32(at + offset + 4 * i, true) : view.getFloat32(at + offset + 4 * i, true);
            if (!/^(u32|f32|vec[234]f)$/.test(kind)) {
                throw new Error(`${name} is a ${kind}, which this test does not read.`);
            }
            return [name, size === 4 ? read(0) : Array.from({ length: size / 4 }, (_, i) => read(i))];
        }),
    );
}

/** `block` begins no expression in wgsl_reflect 1.6: it once was an attribute. Fields keep the name. */
function Known(source: string): string {
    return source.replace(/(?<![.\w])block(?!\w|: u32,$)/gm, "block_");
}

function WithImports(file: string): string {
    const done = new Set<string>();
    const resolve = (name: string): string =>
        ShaderTexts[name].replace(/^#import "(.+)"$/gm, (_line, imported: string) => {
            const wanted = imported === "shared/real.wgsl" ? "shared/realSingle.wgsl" : imported;
            if (done.has(wanted)) {
                return "";
            }
            done.add(wanted);
            return resolve(wanted);
        });
    return resolve(file);
}
