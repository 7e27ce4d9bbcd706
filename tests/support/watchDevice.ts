/** What lives on a device. */
/** Labels of our own buffers; Babylon's begin otherwise. */
const OurLabel = /^[a-z][A-Za-z]*\./;
/** Counts what is created and not destroyed on a device until the spec ends: our buffers, Babylon's, textures. */
export function WatchDevice(device: GPUDevice): () => { ourBuffers: number; textures: number; otherBuffers: number } {
    const live = { createBuffer: new Set<GPUBuffer | GPUTexture>(), createTexture: new Set<GPUBuffer | GPUTexture>() };
    for (const name of ["createBuffer", "createTexture"] as const) {
        const create = (device[name] as (descriptor: never) => GPUBuffer | GPUTexture).bind(device);
        spyOn(device as unknown as Record<string, typeof create>, name).and.callFake((descriptor: never) => {
            const made = create(descriptor);
            live[name].add(made);
            const destroy = made.destroy.bind(made);
            made.destroy = () => {
                live[name].delete(made);
                destroy();
                return undefined;
            };
            return made;
        });
    }
    return () => {
        const ours = [...live.createBuffer].filter(({ label }) => OurLabel.test(label)).length;
        return { ourBuffers: ours, textures: live.createTexture.size, otherBuffers: live.createBuffer.size - ours };
    };
}
