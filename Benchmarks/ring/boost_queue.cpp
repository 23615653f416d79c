// boost::interprocess::message_queue behind a C interface.
#include <boost/interprocess/ipc/message_queue.hpp>
#include <cstdio>
#include <string>
#include <unistd.h>

using boost::interprocess::message_queue;

extern "C" {
void *boost_queue_make(const char *name, unsigned count, unsigned bytes) {
    message_queue::remove(name);
    return new message_queue(boost::interprocess::create_only, name, count, bytes);
}
void boost_queue_free(void *queue, const char *name) {
    delete static_cast<message_queue *>(queue);
    message_queue::remove(name);
}
int boost_queue_send(void *queue, const void *bytes, unsigned length) {
    return static_cast<message_queue *>(queue)->try_send(bytes, length, 0);
}
int boost_queue_receive(void *queue, void *bytes, unsigned length) {
    message_queue::size_type received;
    unsigned priority;
    return static_cast<message_queue *>(queue)->try_receive(bytes, length, received, priority);
}
}
