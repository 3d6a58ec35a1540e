package objstore

// Held is how many bytes of memory are on their way in this process.
func Held() int {
	memory.mu.Lock()
	defer memory.mu.Unlock()
	return memory.out * ChunkSize
}
