import jakarta.servlet.http.*;
import java.io.*;
import java.lang.management.ManagementFactory;
import java.time.Instant;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import javax.management.ObjectName;

/** The application that is measured: what application.go does in Go. */
public class Bench extends HttpServlet implements HttpSessionAttributeListener {
    static final int PAYLOAD = 2048;
    static volatile Arrivals arrivals;

    /** When counts came from the other node. */
    static class Arrivals {
        final String[] ids; final long[] times;
        final AtomicInteger next = new AtomicInteger();
        Arrivals(int n) { ids = new String[n]; times = new long[n]; }
        void add(String id) {
            int i = next.getAndIncrement();
            if (i < ids.length) { ids[i] = id; times[i] = now(); }
        }
    }

    static long now() { Instant i = Instant.now(); return i.getEpochSecond() * 1_000_000_000L + i.getNano(); }

    @Override protected void doGet(HttpServletRequest r, HttpServletResponse w) throws IOException {
        w.setContentType("text/plain");
        PrintWriter out = w.getWriter();
        switch (r.getPathInfo()) {
        case "/plain": out.print("ok"); break;
        case "/count":
            HttpSession s = r.getSession();
            Integer count = (Integer) s.getAttribute("count");
            if (count == null) { s.setAttribute("payload", payload()); count = 0; }
            s.setAttribute("count", count + 1);
            out.print((count + 1) + " " + now());
            break;
        case "/memory": out.print(live()); break;
        case "/sessions": out.print(sessions(r)); break;
        case "/record": arrivals = new Arrivals(Integer.parseInt(r.getParameter("n"))); out.print("ok"); break;
        case "/arrivals":
            Arrivals a = arrivals;
            for (int i = 0; i < Math.min(a.next.get(), a.ids.length); i++) out.print(a.ids[i] + " " + a.times[i] + "\n");
        }
    }

    static String payload() {
        byte[] b = new byte[PAYLOAD];
        for (int i = 0; i < b.length; i++) b[i] = (byte) ('a' + ThreadLocalRandom.current().nextInt(26));
        return new String(b, 0);
    }

    /** The bytes of the heap in use once collections free no more. */
    static long live() {
        for (long before = Long.MAX_VALUE, i = 0; ; i++) {
            System.gc();
            long now = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
            if (i == 10 || now > before - before / 1000) return now;
            before = now;
        }
    }

    static Object sessions(HttpServletRequest r) throws IOException {
        try {
            ObjectName name = new ObjectName("Catalina:type=Manager,host=localhost,context=" + r.getContextPath());
            return ManagementFactory.getPlatformMBeanServer().getAttribute(name, "activeSessions");
        } catch (Exception e) { throw new IOException(e); }
    }

    @Override public void attributeAdded(HttpSessionBindingEvent e) { heard(e); }
    @Override public void attributeReplaced(HttpSessionBindingEvent e) { heard(e); }
    @Override public void attributeRemoved(HttpSessionBindingEvent e) { }

    static void heard(HttpSessionBindingEvent e) {
        Arrivals a = arrivals;
        if (a != null && e.getName().equals("count")) a.add(e.getSession().getId());
    }
}
