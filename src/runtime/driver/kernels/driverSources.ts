/**
 * Texts of the driver's shaders, by name. Each gets its element type and its constants put in front: it has no variants
 * to keep in step.
 */
import driverConv from "../../../shaders/driver/driverConv.wgsl";
import driverEnter from "../../../shaders/driver/driverEnter.wgsl";
import driverExit from "../../../shaders/driver/driverExit.wgsl";
import driverPool from "../../../shaders/driver/driverPool.wgsl";

const Sources = { driverEnter, driverConv, driverPool, driverExit };

/** Name of a kernel: the file without its extension, which is also the label of the pipeline. */
export type DriverKernelName = keyof typeof Sources;

/**
 * @param constants whole numbers that the source uses by name
 * @param half whether maps and weights are in half precision; their sums are in single precision either way
 */
export function DriverSource(
    kernel: DriverKernelName,
    constants: Readonly<Record<string, number>>,
    half: boolean,
): string {
    const head = Object.entries(constants).map(([name, value]) => `const ${name}: u32 = ${value}u;\n`);
    return `${half ? "enable f16;\nalias real = f16;\n" : "alias real = f32;\n"}${head.join("")}${Unroll(Sources[kernel], constants)}`;
}

/**
 * Writes loops out that are marked `// unrolled`, innermost names replaced by numbers: compilers that leave such loops
 * keep their small arrays in memory. Their limits are names in `values`.
 */
function Unroll(source: string, values: Readonly<Record<string, number>>): string {
    const loop = /^( *)for \(var (\w+) = 0u; \2 < (\w+); \2\+\+\) \{ \/\/ unrolled\n([\s\S]*?)^\1\}\n/m;
    let text = source;
    for (let found = loop.exec(text); found; found = loop.exec(text)) {
        const [all, , name, limit, body] = found;
        const copies = Array.from(
            { length: values[limit] },
            (_, i) => `{\n${body.replace(new RegExp(`\\b${name}\\b`, "g"), `${i}u`)}}\n`,
        );
        text = text.replace(all, () => copies.join(""));
    }
    return text;
}
