/** Submits the commands of an encoder without a new list for them. */

const Commands: GPUCommandBuffer[] = []; // scratch of Submit

/** Ends the encoder and puts what it recorded on the queue of its device. */
export function Submit(device: GPUDevice, encoder: GPUCommandEncoder): void {
    Commands[0] = encoder.finish();
    device.queue.submit(Commands);
}
