/**
 * Imports of shaders. The only preprocessor word is `#import "shared/name.wgsl"` on a line of its own; each shared file
 * is inserted once, where it is first imported.
 */

/**
 * Replaces each `#import` line by the file it names.
 * @throws Error if the name is not one of `files`
 */
export function ResolveShader(source: string, files: Readonly<Record<string, string>>): string {
    const done = new Set<string>();
    const resolve = (text: string): string =>
        text.replace(/^#import "(.+)"$/gm, (_line, name: string) => {
            if (!(name in files)) {
                throw new Error(`A shader imports "${name}", wanted one of ${Object.keys(files).join(", ")}.`);
            }
            if (done.has(name)) {
                return "";
            }
            done.add(name);
            return resolve(files[name]);
        });
    return resolve(source);
}
